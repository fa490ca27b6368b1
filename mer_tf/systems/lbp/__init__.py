"""Local binary patterns: LBP-TOP, LBP-SIP."""
