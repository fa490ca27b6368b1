"""ATSCNN: attention-based three-stream network on flow and strain."""
