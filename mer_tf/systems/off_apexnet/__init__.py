"""OFF-ApexNet: two small streams on the components of the flow from onset to apex."""
