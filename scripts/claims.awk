# Reads two summaries of one mixture (ours, then the paper's recipe) and prints its table and verdicts.
# Rows: pipeline, network.width, metric, mean, interval_low, interval_high, ...
BEGIN { FS = "," }
FNR == 1 { file++; next }
{
    pipeline = (file == 2 && $1 == "gaussianized") ? "paper" : $1
    mean[pipeline, $2, $3] = $4
    half[pipeline, $2, $3] = ($6 == "") ? "" : $6 - $4
}
function show(p, w, m, digits,   key) {
    key = p SUBSEP w SUBSEP m
    if (!(key in mean)) return ""
    if (half[key] == "") return sprintf("%.*f", digits, mean[key])
    return sprintf("%.*f +- %.*f", digits, mean[key], digits, half[key])
}
function verdict(ok, by) { return (ok ? "holds" : "fails") sprintf(" (%+.3f)", by) }
END {
    printf "## %s (data %s, median %s)\n\n", name, show("data", 16, "log_likelihood", 3), show("data", 16, "log_likelihood_median", 3)
    print "| pipeline | width | first | at step 20 | final | median | plateau | off-support | precision | coverage |"
    print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    n = split("baseline gaussianized paper", pipelines, " ")
    for (i = 1; i <= n; i++) {
        p = pipelines[i]
        for (w = 16; w <= 128; w += 112)
            printf "| %s | %d | %s | %s | %s | %s | %s | %s | %s | %s |\n", p, w, show(p, w, "first_log_likelihood", 3),
                show(p, w, "fifth_log_likelihood", 3), show(p, w, "log_likelihood", 3), show(p, w, "log_likelihood_median", 3), show(p, w, "plateau_step", 0),
                show(p, w, "off_support", 4), show(p, w, "precision", 4), show(p, w, "coverage", 4)
    }
    print ""
    print "| claim | our map | the paper's recipe |"
    print "| --- | --- | --- |"
    for (i = 2; i <= 3; i++) {
        p = pipelines[i]
        gap = 0
        for (w = 16; w <= 128; w += 112) {
            g = mean[p, w, "fifth_log_likelihood"] - mean[p, w, "log_likelihood"]
            if (g < 0) g = -g
            if (g > gap) gap = g
        }
        plateau[i] = (gap <= 0.1 ? "holds" : "fails") sprintf(" (%.3f away)", gap)
        by = mean[p, 16, "log_likelihood"] - mean["baseline", 16, "log_likelihood"]
        narrow[i] = verdict(by > 0, by)
        by = mean[p, 128, "log_likelihood"] - mean["baseline", 128, "log_likelihood"]
        wide[i] = verdict(by >= -0.05, by)
    }
    printf "| plateau by step 20 | %s | %s |\n", plateau[2], plateau[3]
    printf "| narrow: above the baseline at width 16 | %s | %s |\n", narrow[2], narrow[3]
    printf "| wide: no worse at width 128 | %s | %s |\n\n", wide[2], wide[3]
}
