"""Set-up of a checkout: virtual environment, packages, system libraries, front-end files.

Run as ``python3 -m config.setup`` with a bare Python 3.11: standard library only, no Django.
Every step is a no-op when its stamp says that nothing changed, so a second run takes milliseconds.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - said here, before newer syntax is read
    sys.exit(
        "Atelier needs Python 3.11 or newer, this is {}.{}. Install it, or name one: "
        "make run PYTHON=/path/to/python3.11".format(*sys.version_info)
    )
