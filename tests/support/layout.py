"""What is wrong with the layout of a page in a browser."""

FAULTS = """() => {
  const { scrollWidth } = document.documentElement;
  const wide = scrollWidth > innerWidth ? [`is ${scrollWidth} px wide`] : [];
  const small = [...document.querySelectorAll('.headway :is(a, button, input, select, summary)')]
    .filter((el) => el.checkVisibility({ visibilityProperty: true }))
    .filter((el) => !el.closest('.unseen, #lines, svg'))
    .filter((el) => getComputedStyle(el).display !== 'inline' || el.localName !== 'a')
    .map((el) => el.closest('label') ?? (el.type === 'checkbox' && el.labels?.[0] || el))
    .filter((el) => { const { width, height } = el.getBoundingClientRect();
      return width && height && Math.min(width, height) < 23.5; })
    .map((el) => `is small: ${el.outerHTML.slice(0, 120)}`);
  return [...wide, ...small];
}"""
"""What is wider than the window, and what is less than 24 pixels wide or high (WCAG 2.5.8). Numbers
of lines in a log stand as close as the lines."""
