# Tables of `gdiff controls` as a page: called by scripts/real_controls.sh with the CSVs of the digits and of Fashion-MNIST.
BEGIN { FS = "," }
FNR == 1 {
    file++
    delete place
    for (i = 1; i <= NF; i++) place[$i] = i
    next
}
{
    n++
    data[n] = file == 1 ? "digits" : "Fashion-MNIST"
    control[n] = $1; features[n] = $2; count[n] = $3; k = $4; replicates[data[n]] = $5
    for (m = 1; m <= split("precision recall density coverage frechet", metric, " "); m++) {
        name = metric[m]
        value[n, name] = $(place[name]); half[n, name] = $(place[name "_half_width"])
        change[n, name] = $(place[name "_change"]); change_half[n, name] = $(place[name "_change_half_width"])
    }
    group = data[n] ", " features[n]
    if (!(group in seen)) { seen[group] = 1; groups[++groups_n] = group }
}
# 1, 0 or -1: a rise, nothing that the interval shows, or a fall.
function sign(row, name) {
    if (change[row, name] - change_half[row, name] > 0) return 1
    return change[row, name] + change_half[row, name] < 0 ? -1 : 0
}
function signature(row) { return sign(row, "precision") > 0 && sign(row, "density") > 0 && sign(row, "recall") < 0 }
function with(v, h) { return sprintf("%.3f ± %.3f", v, h) }
function moved(row, name) { return sprintf("%+.3f ± %.3f", change[row, name], change_half[row, name]) }
# How many of the numbers of images of a set and kind of features have the signature under a control, and the coverage of these.
function tally(of_data, of_features, of_control,    i, all, yes, up, down, text) {
    for (i = 1; i <= n; i++) {
        if (data[i] != of_data || features[i] != of_features || control[i] != of_control) continue
        all++
        if (signature(i)) yes++
        if (sign(i, "coverage") > 0) up++
        if (sign(i, "coverage") < 0) down++
    }
    text = sprintf("| %s | %s | `%s` | %d of %d | %d | %d |", of_data, of_features, of_control, yes, all, up, down)
    print text
}
# What a blur of half a pixel does in one kind of features, in a sentence.
function finding(of_data, of_features,    i, all, yes, up, down) {
    for (i = 1; i <= n; i++) {
        if (data[i] != of_data || features[i] != of_features || control[i] != "blur_0.5") continue
        all++
        yes += signature(i)
        up += sign(i, "coverage") > 0
        down += sign(i, "coverage") < 0
    }
    printf "- %s, %s: `blur_0.5` has the signature at %d of %d numbers of images; coverage rises at %d and falls at %d.\n", of_data, of_features, yes, all, up, down
}
END {
    split("digits,Fashion-MNIST", sets, ","); split("pixels,random", kinds, ",")
    print "# Real images that were made worse"
    print ""
    print "Fresh real images against as many other real images, as they are and changed in known ways (docs/images.md), k = " k ": what a"
    print "metric that ranks models says of images that no model made. Means over replicates (digits " replicates["digits"] ", Fashion-MNIST " replicates["Fashion-MNIST"] ") with half the"
    print "widths of their 95 % intervals. Everything here is made by"
    print ""
    print "    ./scripts/real_controls.sh [FOLDER OF FASHION-MNIST]"
    print ""
    print "## Does blur alone give the signature of an isotropy term?"
    print ""
    print "The signature of the second paper's Tables 2 to 4: precision and density rise, recall falls. A control has it where the paired"
    print "difference to fresh images of the same replicate has a 95 % interval above 0 for the first two and below 0 for recall. The last two"
    print "columns count the numbers of images at which coverage rises or falls likewise; the paper's coverage rises (CIFAR-100: stays)."
    print ""
    for (a = 1; a <= 2; a++) for (b = 1; b <= 2; b++) finding(sets[a], kinds[b])
    print ""
    print "A blur of 0.25 pixels moves no value by as much as half a level, so that it changes no byte of any image: it is a check that"
    print "nothing else differs. The tables have the same of darker images (`fade`), with nothing blurred."
    print ""
    print "| images | features | control | with the signature, of the numbers of images | coverage rises | coverage falls |"
    print "| --- | --- | --- | --- | --- | --- |"
    changes = split("blur_0.25 blur_0.5 blur_0.75 blur_1 fade_0.95 fade_0.9 fade_0.8", of, " ")
    for (a = 1; a <= 2; a++) for (b = 1; b <= 2; b++) for (c = 1; c <= changes; c++) tally(sets[a], kinds[b], of[c])
    print ""
    print "The differences to fresh images behind it, at every number of images:"
    print ""
    print "| images | features | N | control | precision | recall | density | coverage | signature |"
    print "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for (i = 1; i <= n; i++) if (control[i] ~ /^blur|^fade/)
        printf "| %s | %s | %d | `%s` | %s | %s | %s | %s | %s |\n", data[i], features[i], count[i], control[i], moved(i, "precision"),
            moved(i, "recall"), moved(i, "density"), moved(i, "coverage"), signature(i) ? "yes" : "no"
    print ""
    print "## In the plane of precision and density"
    print ""
    print "![digits](real_controls_digits.svg)"
    print ""
    print "![Fashion-MNIST](real_controls_fashion.svg)"
    for (g = 1; g <= groups_n; g++) {
        print ""
        print "## " toupper(substr(groups[g], 1, 1)) substr(groups[g], 2)
        print ""
        print "| control | N | precision | recall | density | coverage | frechet |"
        print "| --- | --- | --- | --- | --- | --- | --- |"
        for (i = 1; i <= n; i++) if (data[i] ", " features[i] == groups[g])
            printf "| `%s` | %d | %s | %s | %s | %s | %s |\n", control[i], count[i], with(value[i, "precision"], half[i, "precision"]),
                with(value[i, "recall"], half[i, "recall"]), with(value[i, "density"], half[i, "density"]),
                with(value[i, "coverage"], half[i, "coverage"]), with(value[i, "frechet"], half[i, "frechet"])
    }
}
