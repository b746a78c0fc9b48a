using Lguest.Jit.Launcher.CommandLine;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Net;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Session;

/// <summary>What the Guest's devices are connected to at the Host, from one life of the Guest to the next.</summary>
internal sealed class SessionDevices : IDisposable
{
    private readonly LaunchOptions _options;
    private readonly NetLink? _link;

    /// <param name="options">A valid command line.</param>
    /// <param name="error">Hears of a link that goes down.</param>
    /// <exception cref="LoadException">The Host does not have what was asked for.</exception>
    public SessionDevices(LaunchOptions options, TextWriter error)
    {
        _options = options;
        _link = NetLinks.Open(options.Net);
        if (_link is not null)
        {
            _link.Port.Down = reason => error.WriteLine($"lguest-jit: the network is down: {LaunchCommand.OneLine(reason)}");
            _link.Start();
        }
    }

    /// <summary>Plugs them into a new machine, in lguest's order: the slot decides about the interrupt line.</summary>
    public void Plug(MachineDevices devices)
    {
        if (_link is { Port: { } port })
        {
            var net = new VirtioNet(devices.Machine.Ram, devices.Log, port, _options.Net.Mac);
            devices.Plug(net, VirtioNet.VirtioId, VirtioNet.PciClass);
        }

        PlugRng(devices, _options);
    }

    /// <summary>The entropy device, which deterministic time has as well.</summary>
    public static void PlugRng(MachineDevices devices, LaunchOptions options)
    {
        if (options.Rng)
        {
            IEntropySource source = options.Deterministic ? new SeededEntropy(options.Seed) : new HostEntropy();
            devices.Plug(new VirtioRng(devices.Machine.Ram, devices.Log, source), VirtioRng.VirtioId, VirtioRng.PciClass);
        }
    }

    public void Dispose() => _link?.Dispose();
}
