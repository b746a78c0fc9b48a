using System.Net.Sockets;
using System.Text;
using Iced.Intel;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Tests.Net;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tests.Session;

/// <summary>A frame from a Guest's memory through queue, link and socket to a peer, and another one all the way back, on both engines.</summary>
public sealed class NetRoundTripTests : IDisposable
{
    private const uint Memory = 4 << 20;

    /// <summary>Behind the console, whose registers take 128 bytes.</summary>
    private const uint Bar = Memory + (1 << 20) + 0x80;

    private const uint Receive = 0x1A0000;
    private const uint Transmit = 0x1B0000;
    private const uint ReceiveBuffer = 0x1C0000;
    private const uint TransmitBuffer = 0x1D0000;

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"lguest-net-{Guid.NewGuid():N}.socket");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public NetRoundTripTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen();
    }

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(_path);
    }

    [Theory]
    [InlineData("interpreter")]
    [InlineData("jit", "--jit-threshold", "0")]
    public void A_Guest_sends_and_receives(string engine, params string[] more)
    {
        string? heard = null;
        var peer = new Thread(() =>
        {
            using Socket socket = _listener.Accept();
            byte[] record = new byte[4 + 30];
            for (int filled = 0; filled < record.Length;)
            {
                int count = socket.Receive(record.AsSpan(filled));
                if (count == 0)
                {
                    return;
                }

                filled += count;
            }

            heard = Encoding.Latin1.GetString(record, 4, 30);
            socket.Send(Packets.Record("0123456789abcdand the same to you!\n"u8));

            // Until the Guest has ended.
            _ = socket.Receive(record);
        });
        peer.Start();
        Launch run = Launch.With(["run", "--memory", "4M", "--timeout", "600s", "--net", $"passt:{_path}", "--engine", engine, .. more], null, Guest().Load);
        Assert.Equal("", run.Error.Replace("Guest powered off", "", StringComparison.Ordinal).Trim());
        Assert.Equal((0, "and the same to you!\n"), (run.ExitCode, run.Output));
        Assert.True(peer.Join(Patience.Limit));
        Assert.Equal("0123456789abcdhello from here!\n", heard + "\n");
    }

    [Fact]
    public void A_Guest_whose_peer_goes_away_lives_on()
    {
        var peer = new Thread(() => _listener.Accept().Dispose());
        peer.Start();
        var guest = new TinyGuest();
        guest.Initialise();
        StartDriver(guest);
        Assembler a = guest.Assembler;
        Label wait = a.CreateLabel();
        a.Label(ref wait);
        a.test(__byte_ptr[Bar + VirtioRegister.Config + 6], 1);
        a.jne(wait);
        Launch run = Launch.With(["run", "--memory", "4M", "--timeout", "600s", "--net", $"passt:{_path}"], null, guest.Print("!").PowerOff().Load);
        Assert.Equal((0, "!"), (run.ExitCode, run.Output));
        Assert.Contains("lguest-jit: the network is down: the other end has closed the connection", run.Error, StringComparison.Ordinal);
        Assert.True(peer.Join(Patience.Limit));
    }

    /// <summary>Sends one frame, waits for one, prints it from behind its header on.</summary>
    private static TinyGuest Guest()
    {
        var guest = new TinyGuest();
        guest.Initialise();
        StartDriver(guest);
        Assembler a = guest.Assembler;
        a.mov(__word_ptr[Transmit + 0x1002], 1);
        a.mov(eax, 1);
        a.mov(__word_ptr[Bar + VirtioRegister.Notify], ax);
        Label wait = a.CreateLabel();
        a.Label(ref wait);
        a.cmp(__word_ptr[Receive + 0x2002], 0);
        a.je(wait);
        a.mov(esi, ReceiveBuffer + 12 + 14);
        a.mov(ecx, __dword_ptr[Receive + 0x2008]);
        a.sub(ecx, 12 + 14);
        a.mov(dx, 0x3F8);
        Label next = a.CreateLabel();
        a.Label(ref next);
        a.mov(al, __byte_ptr[esi]);
        a.@out(dx, al);
        a.inc(esi);
        a.dec(ecx);
        a.jne(next);
        guest.Data(TransmitBuffer, [.. new byte[12], .. "0123456789abcdhello from here!"u8]);
        return guest.PowerOff();
    }

    private static void StartDriver(TinyGuest guest)
    {
        guest.Data(Receive, Descriptor(ReceiveBuffer, 2000, 2)).Data(Receive + 0x1000, [0, 0, 1, 0, 0, 0]);
        guest.Data(Transmit, Descriptor(TransmitBuffer, 12 + 30, 0));
        Store(guest, VirtioRegister.DeviceStatus, 1, 1);
        Store(guest, VirtioRegister.DeviceStatus, 1, 3);
        Store(guest, VirtioRegister.DriverFeatureSelect, 4, 1);
        Store(guest, VirtioRegister.DriverFeature, 4, 1);
        Store(guest, VirtioRegister.DeviceStatus, 1, 0xB);
        foreach ((uint queue, uint rings) in new[] { (0u, Receive), (1u, Transmit) })
        {
            Store(guest, VirtioRegister.QueueSelect, 2, queue);
            Store(guest, VirtioRegister.QueueSize, 2, 4);
            Store(guest, VirtioRegister.QueueDescriptors, 4, rings);
            Store(guest, VirtioRegister.QueueAvailable, 4, rings + 0x1000);
            Store(guest, VirtioRegister.QueueUsed, 4, rings + 0x2000);
            Store(guest, VirtioRegister.QueueEnable, 2, 1);
        }

        Store(guest, VirtioRegister.DeviceStatus, 1, 0xF);
    }

    private static byte[] Descriptor(uint address, uint length, byte flags)
    {
        byte[] descriptor = new byte[16];
        BitConverter.TryWriteBytes(descriptor, (ulong)address);
        BitConverter.TryWriteBytes(descriptor.AsSpan(8), length);
        descriptor[12] = flags;
        return descriptor;
    }

    private static void Store(TinyGuest guest, uint register, int size, uint value)
    {
        Assembler a = guest.Assembler;
        a.mov(eax, value);
        switch (size)
        {
            case 1:
                a.mov(__byte_ptr[Bar + register], al);
                break;
            case 2:
                a.mov(__word_ptr[Bar + register], ax);
                break;
            default:
                a.mov(__dword_ptr[Bar + register], eax);
                break;
        }
    }
}
