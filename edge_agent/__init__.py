"""The site's side: drivers, sampler, limits, outbox, uplink, simulators, CLI edge-agent."""
