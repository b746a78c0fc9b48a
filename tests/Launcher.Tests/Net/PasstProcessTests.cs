using System.Net;
using System.Net.Sockets;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Net;

namespace Lguest.Jit.Launcher.Tests.Net;

/// <summary>The real passt, on Hosts that have one.</summary>
public class PasstProcessTests
{
    private static bool IsInstalled => OperatingSystem.IsLinux() && (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(static folder => File.Exists(Path.Combine(folder, "passt")));

    [Fact]
    public void It_answers_and_ends_with_us()
    {
        if (!IsInstalled)
        {
            return;
        }

        NetLink link = NetLinks.Open(new NetOptions { Kind = NetKind.Passt })!;
        string? down = null;
        link.Port.Down = reason => down = reason;
        link.Start();
        byte[] probe = ArpProbe.Build(MacAddress.Default);
        link.Port.ToSend.Store(0, probe);
        link.Port.ToSend.Put(probe.Length);

        // Whatever else it may have to say.
        Assert.True(Patience.Until(() =>
        {
            byte[] said = new byte[link.Port.Received.Count];
            link.Port.Received.Copy(0, said);
            return ArpProbe.IsAnswered(said);
        }));
        link.Dispose();
        Assert.Null(down);
    }

    [Fact]
    public void A_port_that_is_taken_is_said_before_there_is_a_Guest()
    {
        if (!IsInstalled)
        {
            return;
        }

        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        Assert.Null(NetOptions.Parse($"passt,forward=127.0.0.1/{port}:80", out NetOptions options));
        LoadException e = Assert.Throws<LoadException>(() => NetLinks.Open(options)!.Dispose());
        Assert.StartsWith("--net passt: passt ended with exit code 1", e.Message, StringComparison.Ordinal);
    }
}
