"""Mend what dbt's one-file documentation gets wrong where it is opened as a file.

``make docs`` runs it on ``target/static_index.html``. Two references in dbt's page point
nowhere and fill the browser's console with errors: the icons, before Angular has put a name
in place of the template, and the page's own icon.
"""

import sys
from pathlib import Path

MENDED = {
    '<use xlink:href="{{ getIcon': '<use ng-href="{{ getIcon',
    "${require('./assets/favicons/favicon.ico')}": "data:,",
}


def main(page: Path) -> None:
    """Mend the page in place; a page without these faults is left as it is."""
    text = page.read_text()
    for wrong, right in MENDED.items():
        text = text.replace(wrong, right)
    page.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
