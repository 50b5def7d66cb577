"""What a provider is held to, for those who write one too.

    mngr.testing.cloud_contract   each promise of `VpsClientInterface`, tested on your cloud's client; you bring a `CloudWorld`
    mngr.testing.contract         one suite of behaviour that every provider passes; you bring a `World`
    mngr.testing.crash            kills mngr between every two outside calls, and looks at what is left
    mngr.testing.fixtures         pytest fixtures: `fakes`
    mngr.testing.fakes            machines that boot in milliseconds: stand-ins for ssh and docker

A `World` (world.py) says how mngr reaches your provider, what exists outside, and how time passes there.
Nothing else of mngr imports this package; but for the cloud suite, it runs mngr as its users do, through the command
line.
"""
