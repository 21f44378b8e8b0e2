"""What the stream costs, beside what people would use instead: `python -m benchmarks NAME`."""
