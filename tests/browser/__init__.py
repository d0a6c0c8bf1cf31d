"""What people do, in headless Chromium, against a running server."""
