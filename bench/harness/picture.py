"""Pictures of the kept figures, as SVG that follows the reader's light or dark mode."""

STYLE = """<style>
text { font-family: -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; font-size: 12px; fill: #1f2328 }
.title { font-size: 14px; font-weight: 600 } .strong { font-weight: 600 } .muted { fill: #59636e } .own { fill: #0969da } .peer { fill: #a3adb8 }
.line { stroke: #d1d9e0; stroke-width: 1; fill: none } .curve { stroke: #0969da; stroke-width: 2; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .muted { fill: #9198a1 } .own { fill: #4493f8 } .peer { fill: #656c76 }
.line { stroke: #3d444d } .curve { stroke: #4493f8 }
}
</style>"""


def text(x, y, words, kind="", anchor="start"):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{words}</text>'


def svg(width, height, title, parts):
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">', STYLE, *parts, "</svg>", ""])


def speed(x, y, width, rows):
    """Two bars per row: lowrank's seconds, and those of its peer, which has the full length. rows: (what, seconds, peer, its seconds)."""
    full = width - 190
    for n, (what, own, peer, other) in enumerate(rows):
        top = y + 46 * n
        yield text(x, top, what)
        yield f'<rect x="{x}" y="{top + 6}" width="{full * own / other:.1f}" height="10" class="own"/>'
        yield text(x + full * own / other + 5, top + 15, f"{own:#.3g} s", "muted")
        yield f'<rect x="{x}" y="{top + 17}" width="{full}" height="10" class="peer"/>'
        yield text(x + full + 5, top + 26, f"{other:#.3g} s, {peer}", "muted")
        yield text(x + width, top + 15, f"{other / own:.1f}×", "strong", "end")


def scale(x, y, width, names, rows):
    """One dot per row, behind names of at most the width `names`. rows: (name, value, whether it is lowrank's)."""
    least, most = min(value for _, value, _ in rows), max(value for _, value, _ in rows)
    left, right = x + names, x + width - 56
    for n, (name, value, own) in enumerate(rows):
        middle = y + 18 * n
        at = left + (right - left) * (value - least) / (most - least)
        yield text(x, middle + 4, name, "strong" if own else "")
        yield f'<path d="M{left} {middle}H{right}" class="line"/>'
        yield f'<circle cx="{at:.1f}" cy="{middle}" r="5" class="{"own" if own else "peer"}"/>'
        yield text(x + width, middle + 4, f"{value:.4f}", "muted", "end")


def beside_peers(speeds, errors, lists):
    legend = 44 + 46 * len(speeds)
    parts = [text(0, 16, "Speed: seconds, less is better", "title"), *speed(0, 44, 420, speeds),
             text(464, 16, "Accuracy: RMSE on ML-100K, less is better", "title"), *scale(464, 38, 376, 190, errors),
             text(464, 206, "Lists: recall@20 on Gowalla, more is better", "title"), *scale(464, 228, 376, 190, lists),
             f'<rect x="0" y="{legend - 3}" width="10" height="10" class="own"/>', text(15, legend + 6, "lowrank"),
             f'<rect x="76" y="{legend - 3}" width="10" height="10" class="peer"/>',
             text(91, legend + 6, "a peer, on the same data and threads, at equal or lower quality", "muted")]
    return svg(840, legend + 14, "Speed and accuracy of lowrank and of its peers", parts)


def growth(rows):
    """Nanoseconds per rating and epoch, by millions of ratings."""
    width, height, left, bottom = 640, 320, 60, 50
    most = max(row["nanoseconds"] for row in rows) * 1.25
    step = (width - left - 80) / max(len(rows) - 1, 1)
    points = [(left + 30 + n * step, height - bottom - row["nanoseconds"] / most * (height - bottom - 30)) for n, row in enumerate(rows)]
    parts = [text(left, 18, "Nanoseconds per rating and epoch, rank 32", "title"), f'<path d="M{left} 30V{height - bottom}H{width - 20}" class="line"/>',
             text(width / 2, height - 10, "millions of ratings", "muted", "middle"),
             f'<polyline class="curve" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>']
    for (x, y), row in zip(points, rows):
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="own"/>', text(x, y - 10, f"{row['nanoseconds']:.2f}", "", "middle"),
                  text(x, height - bottom + 18, str(row["millions"]), "", "middle")]
    return svg(width, height, "Time per rating and epoch by the number of ratings", parts)
