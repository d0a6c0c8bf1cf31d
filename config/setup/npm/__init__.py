"""Front-end files without Node: package-lock.json in, static/vendor/ out.

package.json's own key names what is wanted, everything else in a package is left out:

    "atelier": {
      "vendor": {"<package>": {"<file in the package>": "<file under static/vendor/>"}},
      "bundle": {"<file under static/vendor/>": "<entry file in this checkout>"}
    }

Each package is downloaded from the configured registry and must have the `integrity` that the
lock file names. Run as ``.venv/bin/python -m config.setup.npm``.
"""
