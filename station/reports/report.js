"use strict";
const search = document.getElementById("search");
const rows = Array.from(document.querySelectorAll("#units tbody tr"), (row) => [row, row.textContent.toLowerCase()]);
search.addEventListener("input", () => {
  const wanted = search.value.normalize("NFKC").trim().toLowerCase();
  let found = 0;
  for (const [row, words] of rows) found += !(row.hidden = !words.includes(wanted));
  document.getElementById("found").value = wanted ? `${found} / ${rows.length}` : "";
});
