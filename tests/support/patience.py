"""How long tests wait for what must come: long enough for the busiest machine, since a wait ends
with what it waits for. Only where the time itself is promised does a test name a shorter one."""

PATIENCE = 60
