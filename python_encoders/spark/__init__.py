"""Spark: the session, the tables, the encode job. No Postgres driver is imported here.

The modules are named and not imported: ``session`` says in one line what is not installed,
and the other two import pyspark.
"""

__all__ = ["encoding", "session", "store"]
