// SPDX-License-Identifier: Apache-2.0

/// The page's only script: follows runs by server-sent events and writes what comes into the page. Without it the page is complete,
/// only not live.
enum LiveScript {
    static let text = #"""
        const finals = new Set(["COMPLETED", "FAILED", "CANNOT_RUN_FOR_NOW"]);
        const kinds = { COMPLETED: "good", FAILED: "bad", CANNOT_RUN_FOR_NOW: "bad" };

        function put(root, name, value) {
          for (const place of root.querySelectorAll(`[data-live="${name}"]`)) place.textContent = value;
        }

        function showStatus(root, status) {
          for (const badge of root.querySelectorAll('[data-live="status"]')) {
            badge.textContent = status;
            badge.className = `badge ${kinds[status] ?? "busy"}`;
          }
        }

        class Chart {
          constructor(svg) {
            this.svg = svg;
            this.points = [];
          }

          add(progress) {
            const last = this.points.at(-1);
            if (last && last.second === progress.second) this.points.pop();
            this.points.push(progress);
            if (this.points.length > 3600) this.points.shift();
            return this.draw();
          }

          draw() {
            const first = this.points[0].second;
            const span = Math.max(10, this.points.at(-1).second - first);
            const top = Math.max(1, ...this.points.map((p) => Math.max(p.registered, p.callsUp)));
            for (const [name, key] of [["calls", "callsUp"], ["registered", "registered"]]) {
              const text = this.points
                .map((p) => `${((p.second - first) / span) * 1000},${146 - (p[key] / top) * 140}`)
                .join(" ");
              this.svg.querySelector(`.${name}`).setAttribute("points", text);
            }
            return top;
          }
        }

        function follow(root) {
          const svg = root.querySelector("svg.chart");
          const chart = svg ? new Chart(svg) : null;
          const source = new EventSource(`/api/v1/runs/${root.dataset.run}/events`);
          source.addEventListener("progress", (event) => {
            const progress = JSON.parse(event.data);
            for (const key of ["registered", "callsUp", "callsEstablished", "callsFailed", "failed", "closed", "second"]) {
              put(root, key, progress[key]);
            }
            showStatus(root, progress.status);
            if (chart) put(root, "peak", chart.add(progress));
          });
          source.addEventListener("status", (event) => {
            const run = JSON.parse(event.data);
            showStatus(root, run.status);
            if (!finals.has(run.status)) return;
            source.close();
            // The results are rendered by the server; a moment for the last of them to be there.
            setTimeout(() => location.reload(), 400);
          });
        }

        for (const root of [...document.querySelectorAll("[data-run]")].slice(0, 4)) follow(root);

        """#
}
