// Preselects the browser's own time zone until one has been chosen.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const known = document.querySelector('[data-guess-zone] select');
if (known && [...known.options].some(option => option.value === zone)) known.value = zone;
