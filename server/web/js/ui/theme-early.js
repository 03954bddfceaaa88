// A classic script before the style sheets, so that a page chosen dark never flashes white.
try {
  const theme = localStorage.getItem('podium.theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's theme it is.
}
