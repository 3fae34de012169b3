"""Commands for the embedded Postgres server."""

import click

from python_encoders.cli.console import plain_errors


@click.group()
def db() -> None:
    """Start and stop the embedded Postgres server."""


@db.command("start")
def db_start() -> None:
    """Start the server, unless it runs, and say how to connect by hand."""
    with plain_errors():
        from python_encoders.postgres import EMBEDDED_HOME, server

        environment = server.start()
        click.echo("The embedded Postgres is up. To connect by hand, in this shell:")
        click.echo(f"  . {EMBEDDED_HOME / 'env'}")
        click.echo("  psql            (or dbt run, dbt test, …)")
        click.echo("It sets:")
        for name, value in environment.items():
            click.echo(f"  {name}={value}")


@db.command("stop")
def db_stop() -> None:
    """Stop the server. Its data stay."""
    with plain_errors():
        from python_encoders.postgres import server

        click.echo("stopped" if server.stop() else "was not running")
