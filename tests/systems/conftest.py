from __future__ import annotations

import pytest

from mer_tf.systems.feature import FeatureWarning


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    """A feature that warns where no test expects it would go unseen."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", FeatureWarning)
        yield
