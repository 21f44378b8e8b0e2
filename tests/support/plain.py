"""HTTP without TLS."""

import ssl

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What httpx is to verify by: by default each client reads the list of all authorities, 44 ms."""
