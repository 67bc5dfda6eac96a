# Makes the second paper's Table 1 of the provenance.json, summary.csv and metrics.csv of its data sets, in this
# order for each. Used by scripts/iso_table1.sh.

BEGIN {
    FS = ","
    count = split("precision recall density coverage", metrics, " ")
    # Table 1 of the paper: DDPM, then Iso-Diffusion at the lambda that served best.
    while ((getline line < "configs/iso/paper_table1.csv") > 0) {
        split(line, cell, ",")
        ddpm[cell[1], cell[2]] = cell[3]
        ours[cell[1], cell[2]] = cell[4]
    }
}

FNR == 1 {
    file = FILENAME
    sub(/.*\//, "", file)
    folder = substr(FILENAME, 1, length(FILENAME) - length(file) - 1)
    set = folder
    sub(/.*\//, "", set)
    if (file == "provenance.json") {
        sets[++set_count] = set
        folder_of[set] = folder
    } else {
        split("", column)
        for (i = 1; i <= NF; i++) column[$i] = i
        lambda = column["train.isotropy.lambda"]
        control = column["train.isotropy.control"]
        scale = column["sample.epsilon_scale"]
        next
    }
}

file == "provenance.json" {
    key = content = $0
    sub(/^ *"/, "", key)
    sub(/":.*/, "", key)
    sub(/^[^:]*: */, "", content)
    sub(/,$/, "", content)
    gsub(/"/, "", content)
    if ($0 ~ /^  "/) about[set, key] = content
    else if (key == "train" || key == "sample") work[set] += content
}

# Table 1 is about outputs as they are; the points with another factor are for the figure `output_scale`.
scale && $scale + 0 != 1 { next }

# A row of one group: name, lambda, control.
file == "summary.csv" {
    if ($1 == "data") group = set SUBSEP "real"
    else if ($1 == "baseline") group = set SUBSEP ($control == "true" ? "control" : "iso") SUBSEP $lambda
    else next
    if ($1 == "baseline" && $control != "true" && $lambda + 0 > 0 && !((set, $lambda) in known)) {
        known[set, $lambda] = 1
        lambdas[set, ++lambda_count[set]] = $lambda
    }
    if ($1 == "baseline" && $control != "true" && $lambda + 0 == 0) zero[set] = $lambda
    metric = $column["metric"]
    if ((group, metric) in mean) next
    mean[group, metric] = $column["mean"]
    low[group, metric] = $column["interval_low"]
    high[group, metric] = $column["interval_high"]
    replicates[set] = $column["replicates"]
    difference[group, metric] = $column["difference"]
    difference_low[group, metric] = $column["difference_low"]
    difference_high[group, metric] = $column["difference_high"]
}

# The last step of each run: what lambda does beyond its control, replicate by replicate.
file == "metrics.csv" && $column["t"] == 0 && $1 != "" {
    kind = $control == "true" ? "control" : "iso"
    if ($column["replicate"] == 0) run_of[set, kind, $lambda] = $column["run"]
    for (m = 1; m <= count; m++) {
        last[set, kind, $lambda, $column["replicate"], metrics[m]] = $column[metrics[m]]
    }
}

# The 0.975 quantile of Student's t: exact for few degrees of freedom, else its expansion around the normal
# (Abramowitz and Stegun 26.7.5), good to 3e-4.
function student(f,    z) {
    if (f == 1) return 12.7062
    if (f == 2) return 4.30265
    if (f == 3) return 3.18245
    if (f == 4) return 2.77645
    z = 1.959964
    return z + (z^3 + z) / (4 * f) + (5 * z^5 + 16 * z^3 + 3 * z) / (96 * f^2) \
        + (3 * z^7 + 19 * z^5 + 17 * z^3 - 15 * z) / (384 * f^3) \
        + (79 * z^9 + 776 * z^7 + 1482 * z^5 - 1920 * z^3 - 945 * z) / (92160 * f^4)
}

# Mean and interval of iso minus control into `beyond`, `beyond_low` and `beyond_high`.
function beyond_control(set, l, metric,    n, r, sum, squares, one, half) {
    n = sum = squares = 0
    beyond = beyond_low = beyond_high = ""
    for (r = 0; (set, "iso", l, r, metric) in last && (set, "control", l, r, metric) in last; r++) {
        one = last[set, "iso", l, r, metric] - last[set, "control", l, r, metric]
        n++
        sum += one
        squares += one * one
    }
    if (n == 0) return
    beyond = sum / n
    if (n == 1) return
    squares = (squares - sum * sum / n) / (n - 1)
    half = student(n - 1) * sqrt((squares > 0 ? squares : 0) / n)
    beyond_low = beyond - half
    beyond_high = beyond + half
}

function verdict(low, high) {
    if (low == "") return "one replicate"
    return low > 0 ? "improves" : (high < 0 ? "worsens" : "no difference")
}

function value(group, metric,    half) {
    if (!((group, metric) in mean)) return "-"
    if (low[group, metric] == "") return sprintf("%.4f", mean[group, metric])
    half = (high[group, metric] - low[group, metric]) / 2
    return sprintf("%.4f +- %.4f", mean[group, metric], half)
}

function interval(middle, low, high) {
    if (middle == "") return ""
    if (low == "") return sprintf("%+.4f", middle)
    return sprintf("%+.4f [%+.4f, %+.4f]", middle, low, high)
}

function row(name, text, change, word) {
    printf "| %-32s | %-17s | %-27s | %-13s |\n", name, text, change, word
}

function scaled(set, l,    group) {
    group = set SUBSEP "control" SUBSEP l
    if ((group, "control_scale") in mean) return sprintf("%.4f", mean[group, "control_scale"])
    return "s"
}

END {
    print "# Table 1 of the second paper, beside ours\n"
    print "    " command "\n"
    print "Higher is better, as the paper reads its metrics (but density has no upper end: read it against the real"
    print "points). Values are means over replicates with the half-width of their 95 % interval (Student's t)."
    print "Differences are paired, replicate by replicate (same data, same noise), and a verdict is"
    print "`improves` or `worsens` where their 95 % interval leaves out 0.\n"
    print "- *paper, DDPM* and *paper, Ours*: its Table 1; Ours at the lambda that served best, which it does not name."
    print "- *plain x s*: the control. The network of lambda = 0, its output multiplied by the s which that lambda"
    print "  asks for by the formula, with the measured isotropy of its predictions."
    print "- *Iso - control*: what the lambda in the loss does beyond that one number."
    print "- *real points*: fresh ones scored as if they were samples, the ceiling.\n"
    print "| data set         | version | commit      | threads | runs at a time | seconds | start                | CPU |"
    print "| ---------------- | ------- | ----------- | ------- | -------------- | ------- | -------------------- | --- |"
    for (i = 1; i <= set_count; i++) {
        set = sets[i]
        printf "| %-16s | %-7s | %-11s | %-7s | %-14s | %-7.0f | %-20s | %s |\n", set, about[set, "version"], \
            substr(about[set, "git_commit"], 1, 11), about[set, "threads"], about[set, "jobs"], \
            about[set, "seconds"], about[set, "start"], about[set, "cpu"]
    }
    print "\nSeconds are the wall clock of the last call; training and sampling of all runs took, thread by thread:"
    for (i = 1; i <= set_count; i++) {
        printf "%s %.0f s (%d replicates)%s", sets[i], work[sets[i]], replicates[sets[i]], i < set_count ? ", " : ".\n"
    }

    print "\n## Verdicts\n"
    set = sets[1]
    printf "| %-16s | %-9s | %-7s |", "data set", "metric", "paper"
    for (k = 1; k <= lambda_count[set]; k++) printf " %-13s |", "lambda " lambdas[set, k]
    printf " %-13s | %-13s |\n", "its control", "Iso - control"
    printf "| ---------------- | --------- | ------- |"
    for (k = 1; k <= lambda_count[set] + 2; k++) printf " ------------- |"
    printf "\n"
    for (i = 1; i <= set_count; i++) {
        set = sets[i]
        for (m = 1; m <= count; m++) {
            metric = metrics[m]
            printf "| %-16s | %-9s | %+-7.4f |", set, metric, ours[set, metric] - ddpm[set, metric]
            for (k = 1; k <= lambda_count[set]; k++) {
                group = set SUBSEP "iso" SUBSEP lambdas[set, k]
                word = verdict(difference_low[group, metric], difference_high[group, metric])
                verdicts[word]++
                total++
                printf " %-13s |", word
            }
            l = lambdas[set, lambda_count[set]]
            group = set SUBSEP "control" SUBSEP l
            beyond_control(set, l, metric)
            word = verdict(difference_low[group, metric], difference_high[group, metric])
            printf " %-13s | %-13s |\n", word, verdict(beyond_low, beyond_high)
        }
    }
    print "\nThe last two columns are those of the largest lambda. Of the " total " verdicts on lambda in the loss " \
        verdicts["improves"] + 0
    printf "say `improves` and %d `worsens`; without any effect about %.0f would say one or the other.\n", \
        verdicts["worsens"], total / 20

    for (i = 1; i <= set_count; i++) {
        set = sets[i]
        for (m = 1; m <= count; m++) {
            metric = metrics[m]
            print "\n## " set ", " metric "\n"
            row("", "value", "difference to lambda = 0", "verdict")
            print "| -------------------------------- | ----------------- | --------------------------- | ------------- |"
            row("paper, DDPM", ddpm[set, metric], "", "")
            row("paper, Ours", ours[set, metric], sprintf("%+.4f", ours[set, metric] - ddpm[set, metric]), "")
            row("real points", value(set SUBSEP "real", metric), "", "")
            row("DDPM (lambda = 0)", value(set SUBSEP "iso" SUBSEP zero[set], metric), "", "")
            for (k = 1; k <= lambda_count[set]; k++) {
                group = set SUBSEP "iso" SUBSEP lambdas[set, k]
                a = difference_low[group, metric]
                b = difference_high[group, metric]
                row("Iso, lambda = " lambdas[set, k], value(group, metric), \
                    interval(difference[group, metric], a, b), verdict(a, b))
            }
            for (k = 1; k <= lambda_count[set]; k++) {
                group = set SUBSEP "control" SUBSEP lambdas[set, k]
                a = difference_low[group, metric]
                b = difference_high[group, metric]
                row("plain x " scaled(set, lambdas[set, k]) ", lambda = " lambdas[set, k], value(group, metric), \
                    interval(difference[group, metric], a, b), verdict(a, b))
            }
            for (k = 1; k <= lambda_count[set]; k++) {
                beyond_control(set, lambdas[set, k], metric)
                row("Iso - control, lambda = " lambdas[set, k], "", interval(beyond, beyond_low, beyond_high), \
                    verdict(beyond_low, beyond_high))
            }
        }
    }

    print "\n## Figures\n"
    print "Figure 2 is `figure2.csv`. Figures 4 to 6 are the `points.csv` of these runs (replicate 0): radii of real"
    print "points, and how many of their spheres hold each generated point.\n"
    for (i = 1; i <= set_count; i++) {
        set = sets[i]
        l = lambdas[set, lambda_count[set]]
        printf "- %s in `%s/runs/`: lambda = 0 `%s`, lambda = %s `%s`\n", set, folder_of[set], \
            run_of[set, "iso", zero[set]], l, run_of[set, "iso", l]
    }
}
