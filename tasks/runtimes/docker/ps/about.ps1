# needs: docker
# values: IMAGE
# One line about the image: id, platform, date, layers, digests; '' if it is not on this host.
function ImageHere {
    $run = Dk @('image', 'inspect', '--format', '{{.Id}} {{.Os}}/{{.Architecture}} {{.Created}} {{range .RootFS.Layers}}{{.}},{{end}} {{range .RepoDigests}}{{.}},{{end}}', $RF_IMAGE) ''
    if ($run.Code -ne 0) { return '' }
    return $run.Said.Trim()
}
