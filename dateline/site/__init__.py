"""An outlet: folds the newsfeed from the wire and renders its pages, once a change.

`fold.SiteFold` is the projection, `publish.SitePublisher` renders what it marked, `views` answers the
few requests that no ready page can.
"""
