"""Reports from result passports: one self-contained page, and Markdown.

Numbers are recomputed from the predictions file of each run, not taken from the passport, and the two must agree.
"""

from __future__ import annotations

from mer_tf.document import Document, to_markdown
from mer_tf.report.build import build_report
from mer_tf.report.html import to_html
from mer_tf.report.passports import Run, read_run

__all__ = ["Document", "Run", "build_report", "read_run", "to_html", "to_markdown"]
