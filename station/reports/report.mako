<!DOCTYPE html>
<html lang="${texts.language}">
<head>
<meta charset="utf-8">
${head}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${say("report.title", subject=report.scope.name)}</title>
<style>${style}</style>
</head>
<body>
<h1>${say("report.title", subject=report.scope.name)}</h1>
<p class="quiet">${say("report.made", at=moment(report.made_at), station=report.head.station if report.head else "–", zone=zone)}</p>
<div class="facts">
<span>${say("report.product")} <b>${report.scope.batch.product_key}</b></span>
<span><b>${say("report.batch", name=report.scope.batch.name)}</b></span>
% if report.scope.order:
<span><b>${say("report.order", name=report.scope.order.number)}</b> ${say("report.made_of", passed=report.scope.order.passed, quantity=report.scope.order.quantity or "–")}</span>
% elif report.scope.batch.work_order:
<span><b>${say("report.order", name=report.scope.batch.work_order)}</b></span>
% endif
% if report.scope.firmware:
<span>${say("report.firmware")} <b>${", ".join(report.scope.firmware)}</b></span>
% endif
<span>${say("report.period")} <b>${moment(report.scope.began)} … ${moment(report.scope.until)}</b></span>
</div>
<div class="tiles">
% for name, figure, definition in tiles:
<div class="tile">${name}<b>${figure}</b><small>${definition}</small></div>
% endfor
</div>
% if report.numbers.runs == 0:
<p>${say("report.nothing")}</p>
% else:
<section>
<h2>${say("report.over_time")}</h2>
<div class="two">
<div><h3>${plots["per_hour"][0]}</h3>${plots["per_hour"][1]}</div>
<div><h3>${plots["yields"][0]}</h3>${plots["yields"][1]}</div>
</div>
</section>
<section>
<h2>${say("report.steps")}</h2>
<p class="quiet">▇ ${say("report.median")} &nbsp; │ ${say("report.p95")}</p>
${plots["steps"][1]}
</section>
<section>
<h2>${say("report.failures")}</h2>
<p class="quiet">${say("report.define.bad")}</p>
% if not report.numbers.codes:
<p>${say("report.no_failures")}</p>
% else:
<h3>${say("report.by_code")}: ${say("report.count")} · ${say("report.cumulative")}</h3>${plots["codes"][1]}
% endif
% if codes_of_lanes and len(report.numbers.lanes) > 1:
<h3>${say("report.by_lane_and_code")}</h3>
<table class="counts">
<thead><tr><th></th>
% for one in codes_of_lanes:
<th class="number">${one.code}</th>
% endfor
</tr></thead>
<tbody>
% for lane, name in zip(report.numbers.lanes, lane_names):
<% counts = {one.code: one.count for one in lane.codes} %>\
% if any(one.code in counts for one in codes_of_lanes):
<tr><td>${name}</td>
% for one in codes_of_lanes:
<td class="number">${counts.get(one.code, "·")}</td>
% endfor
</tr>
% endif
% endfor
</tbody>
</table>
% endif
<div><h3>${say("report.by_lane")}: ${say("report.bad")} / ${say("report.runs")}</h3>${plots["lanes"][1]}</div>
<div><h3>${say("report.by_station")}: ${say("report.bad")} / ${say("report.runs")}</h3>${plots["stations"][1]}</div>
</section>
% endif
<section>
<h2>${say("report.certificates")}</h2>
<div class="facts">
% for state, count in report.scope.batch.counts.items():
<span>${say(f"state.{state}")} <b>${count}</b></span>
% endfor
</div>
</section>
<section>
<h2>${say("report.audit")}</h2>
% if report.head:
<p>${say("report.head", station=report.head.station, number=report.head.number)} <code>${report.head.hash}</code></p>
<p>${say("report.signed")} <code>${report.head.public_key}</code></p>
% endif
<p>${say("report.verify")}</p>
<p><code>station audit export --out audit.jsonl</code></p>
<p><code>station audit verify audit.jsonl --key ${report.head.public_key if report.head else "station.pub"}</code></p>
% if report.other_heads:
<p>${say("report.other_heads")}</p>
% for station, number, hash in report.other_heads:
<p>${station} ${number} <code>${hash}</code></p>
% endfor
% endif
</section>
% if report.units:
<% has_labels = any(unit.last.serial_number for unit in report.units) %>\
<h2>${say("report.unit_list")}</h2>
% if report.units_in_all > len(report.units):
<p class="quiet">${say("report.shown", shown=len(report.units), units=report.units_in_all, name=report.scope.name)}</p>
% endif
<input id="search" type="search" placeholder="${say("report.search")}" aria-label="${say("report.search")}">
<output id="found" for="search" class="quiet"></output>
<table id="units">
<thead><tr><th>${say("report.last")}</th><th>${say("report.device_name")}</th><th>${say("report.mac")}</th>\
% if has_labels:
<th>${say("report.serial_number")}</th>\
% endif
<th>${say("report.what_failed")}</th><th class="number">${say("report.runs")}</th><th>${say("report.station")}</th>\
<th class="number">${say("report.lane")}</th><th>${say("report.operator")}</th><th>${say("report.at")}</th></tr></thead>
<tbody>
% for unit in report.units:
<tr><td class="${unit.last.verdict}">${symbols[unit.last.verdict]} ${unit.last.verdict}</td><td>${unit.last.device_name}</td>\
<td class="whole">${unit.last.mac}</td>\
% if has_labels:
<td>${unit.last.serial_number or ""}</td>\
% endif
<td class="why">${texts.titled(unit.last.code)}\
% if unit.last.code:
<small>${why(unit.last)}</small>\
% endif
% if unit.earlier_codes:
<small>${say("report.before", codes=", ".join(unit.earlier_codes))}</small>\
% endif
</td><td class="number">${unit.runs}</td><td>${unit.last.station}</td>\
<td class="number">${unit.last.lane}</td><td>${unit.last.operator}</td><td class="whole">${moment(unit.last.at)}</td></tr>
% endfor
</tbody>
</table>
<script>${script}</script>
% endif
</body>
</html>
