"""An outlet: Atom, RSS 2.0, JSON Feed 1.1 and the news sitemap, for all and per section."""
