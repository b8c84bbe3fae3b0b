# needs: docker
# values: IMAGE
# Id, platform, date, layers and digests of the image in one line, '' if it is not there.
function ImageHere {
    $run = Dk @('image', 'inspect', '--format', '{{.Id}} {{.Os}}/{{.Architecture}} {{.Created}} {{range .RootFS.Layers}}{{.}},{{end}} {{range .RepoDigests}}{{.}},{{end}}', $RF_IMAGE) ''
    if ($run.Code -ne 0) { return '' }
    return $run.Said.Trim()
}
