"""Who calls: tokens and the identity behind them."""
