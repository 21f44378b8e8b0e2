"""Answering people and programs: pages, streams, and who may see what."""
