"""Tables, JSON and a bar chart of what was measured."""
import html
import json
import statistics


def middle(values):
    return statistics.median(values)


def median(runs, what):
    return middle([run[what] for run in runs])


def row(name, runs, reference):
    wall, cpu = median(runs, "wall"), median(runs, "cpu")
    kinds = runs[-1]["requests"]
    asked = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return {
        "program": name, "runs": len(runs), "wall": wall, "cpu": cpu, "peak": max(run["peak"] for run in runs),
        "wallRatio": wall / median(reference, "wall"), "cpuRatio": cpu / max(median(reference, "cpu"), 0.005),
        "requests": asked, "connections": runs[-1]["connections"],
    }


def table(rows):
    lines = ["| program | runs | wall s | × bare | CPU s | × bare | peak MB | upstream requests | connections |",
             "|---|---|---|---|---|---|---|---|---|"]
    for r in sorted(rows, key=lambda r: r["wall"]):
        lines.append(f"| {r['program']} | {r['runs']} | {r['wall']:.3f} | {r['wallRatio']:.2f} | {r['cpu']:.2f} | "
                     f"{r['cpuRatio']:.2f} | {r['peak']:.0f} | {r['requests']} | {r['connections']} |")
    return "\n".join(lines)


def moved(rows, baseline):
    """How layerd's ratios changed against the stored baseline; the machine's own speed cancels out in a ratio."""
    notes = []
    for title, now in rows.items():
        before = next((r for r in baseline.get(title, []) if r["program"] == "layerd"), None)
        mine = next((r for r in now if r["program"] == "layerd"), None)
        if not before or not mine:
            continue
        for what in ("wallRatio", "cpuRatio", "peak"):
            change = mine[what] / before[what] - 1
            if abs(change) > 0.1:
                notes.append(f"{title}: layerd's {what} {before[what]:.2f} -> {mine[what]:.2f} ({change:+.0%})")
    return notes


def chart(scenarios, path):
    """One group of bars a scenario: wall time in multiples of the bare program's."""
    width, bar, gap, left = 760, 16, 4, 230
    parts, y = [], 10
    for title, rows in scenarios.items():
        parts.append(f'<text x="8" y="{y + 14}" font-weight="bold">{html.escape(title)}</text>')
        y += 24
        most = max(r["wallRatio"] for r in rows)
        for r in sorted(rows, key=lambda r: r["wall"]):
            length = max(2, (width - left - 90) * r["wallRatio"] / most)
            colour = "#2563eb" if r["program"] == "layerd" else "#64748b" if r["program"].startswith("bare") else "#cbd5e1"
            parts.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{html.escape(r["program"])}</text>')
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.0f}" height="{bar}" fill="{colour}"/>')
            parts.append(f'<text x="{left + length + 6:.0f}" y="{y + 12}">{r["wallRatio"]:.2f}× · {r["wall"]:.2f} s</text>')
            y += bar + gap
        y += 14
    body = "\n".join(parts)
    with open(path, "w") as out:
        out.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
                  f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n')


def save(rows, path):
    with open(path, "w") as out:
        json.dump(rows, out, indent=1)
        out.write("\n")
