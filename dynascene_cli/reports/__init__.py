"""Pictures for people: contact sheets, plots, the HTML page."""
