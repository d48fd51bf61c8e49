"""Floor 3: small experiments that show what the layers can and cannot do. They know no recipe and no bundle."""
