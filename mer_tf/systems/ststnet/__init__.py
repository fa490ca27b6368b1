"""STSTNet: shallow network of three streams on flow and strain."""
