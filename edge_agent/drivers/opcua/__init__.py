"""OPC UA by subscription or polling (asyncua); reads only."""
