"""This package's own recipe for sets of few clips: several small networks summed."""
