using Iced.Intel;
using Lguest.Jit.Guests.Stress;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tests.Session;

/// <summary>A line from stdin through the reader's thread, the virtio queue and a Guest, to stdout.</summary>
public class ConsoleRoundTripTests
{
    private const int Memory = 4 << 20;
    private const uint Bar = Memory + (1 << 20);
    private const uint Descriptors = 0x1A0000;
    private const uint Available = 0x1A1000;
    private const uint Used = 0x1A2000;
    private const uint Buffer = 0x1A3000;

    [Fact]
    public void A_running_Guest_gets_what_is_typed() => Echoes(sleeping: false);

    [Fact]
    public void A_sleeping_Guest_is_woken_by_what_is_typed() => Echoes(sleeping: true);

    /// <summary>Types when the Guest has said that it listens; it prints what it gets and powers off.</summary>
    private static void Echoes(bool sleeping)
    {
        var guest = new TinyGuest();
        guest.Initialise();
        StartDriver(guest);
        Assembler a = guest.Assembler;
        if (sleeping)
        {
            // No gate for vector 33: the Guest wakes and goes on behind its HALT.
            a.mov(__dword_ptr[0x190004], 0);
            guest.Print("?");
            guest.Hypercall(10, 0, 0, 0);
        }
        else
        {
            guest.Print("?");
        }

        Label wait = a.CreateLabel();
        a.Label(ref wait);
        a.cmp(__word_ptr[Used + 2], 0);
        a.je(wait);
        a.mov(esi, Buffer);
        a.mov(ecx, __dword_ptr[Used + 8]);
        a.mov(dx, 0x3F8);
        Label next = a.CreateLabel();
        a.Label(ref next);
        a.mov(al, __byte_ptr[esi]);
        a.@out(dx, al);
        a.inc(esi);
        a.dec(ecx);
        a.jne(next);
        guest.PowerOff();

        using var output = new TriggerStream();
        using var input = new LateStream(output.Triggered, "typed\n"u8.ToArray());
        Launch run = Launch.With(["run", "--memory", "4M", "--timeout", "600s"], input, guest.Load, output);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("?typed\n", System.Text.Encoding.ASCII.GetString(output.ToArray()));
    }

    /// <summary>The register sequence of a driver, and one receive buffer of 64 bytes.</summary>
    private static void StartDriver(TinyGuest guest)
    {
        byte[] descriptor = new byte[16];
        BitConverter.TryWriteBytes(descriptor, (ulong)Buffer);
        descriptor[8] = 64;
        descriptor[12] = 2;
        guest.Data(Descriptors, descriptor).Data(Available, [0, 0, 1, 0, 0, 0]);
        Store(guest, VirtioRegister.DeviceStatus, 1, 1);
        Store(guest, VirtioRegister.DeviceStatus, 1, 3);
        Store(guest, VirtioRegister.DriverFeatureSelect, 4, 1);
        Store(guest, VirtioRegister.DriverFeature, 4, 1);
        Store(guest, VirtioRegister.DeviceStatus, 1, 0xB);
        Store(guest, VirtioRegister.QueueSize, 2, 4);
        Store(guest, VirtioRegister.QueueDescriptors, 4, Descriptors);
        Store(guest, VirtioRegister.QueueAvailable, 4, Available);
        Store(guest, VirtioRegister.QueueUsed, 4, Used);
        Store(guest, VirtioRegister.QueueEnable, 2, 1);
        Store(guest, VirtioRegister.DeviceStatus, 1, 0xF);
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

    /// <summary>A stdout that notices the first byte.</summary>
    private sealed class TriggerStream : MemoryStream
    {
        public ManualResetEventSlim Triggered { get; } = new(false);

        public override void Write(byte[] buffer, int offset, int count)
        {
            base.Write(buffer, offset, count);
            Triggered.Set();
        }
    }

    /// <summary>A stdin on which nobody types before they are asked.</summary>
    private sealed class LateStream(ManualResetEventSlim ready, byte[] content) : MemoryStream(content)
    {
        public override int Read(byte[] buffer, int offset, int count)
        {
            ready.Wait(Patience.Limit);
            return base.Read(buffer, offset, count);
        }
    }
}
