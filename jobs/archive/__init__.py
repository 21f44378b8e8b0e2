"""Checksum archive: the digest of each member of an uploaded archive."""
