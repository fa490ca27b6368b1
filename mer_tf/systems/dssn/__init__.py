"""DSSN: two shallow AlexNet fronts on flow magnitude and strain."""
