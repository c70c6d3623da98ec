"""The contract: the wire envelope and manifest, the profile model, one YAML file a ministry specification."""
