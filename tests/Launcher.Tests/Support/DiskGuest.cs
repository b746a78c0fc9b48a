using Iced.Intel;
using Lguest.Jit.Launcher.Virtio;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>
/// A Guest with a driver for the disk in slot 2, by hand, in linear mode: it writes to its disk, reads it again, holds the one against the
/// other, and says how it went. It does not want interrupts; it looks at the used ring.
/// </summary>
internal static class DiskGuest
{
    public const string Memory = "8M";
    public const uint MemorySize = 8 << 20;

    /// <summary>Bytes of each write.</summary>
    public const int Piece = 1024;

    /// <summary>The hole above RAM, then the console's 128 bytes.</summary>
    private const uint Bar = MemorySize + (1 << 20) + 128;

    private const uint Descriptors = 0x140000;
    private const uint Available = 0x141000;
    private const uint Used = 0x141800;
    private const uint Header = 0x142000;
    private const uint Written = 0x143000;
    private const uint Read = 0x144000;

    /// <summary>Writes pieces 1 to <paramref name="rounds"/> of the disk (each its own number, over and over), reads each again, flushes, prints "ok".</summary>
    public static TinyGuest WriteAndRead(uint rounds)
    {
        TinyGuest guest = Start(out Label request);
        Assembler c = guest.Assembler;
        Label wrong = c.CreateLabel();
        Label next = c.CreateLabel();
        c.mov(ecx, rounds);
        c.Label(ref next);
        c.push(ecx);
        c.mov(eax, ecx);
        c.imul(eax, eax, 0x01010101);
        c.mov(edi, Written);
        c.mov(ecx, Piece / 4);
        c.rep.stosd();
        c.mov(ecx, __dword_ptr[esp]);
        Call(c, request, BlockRequestType.Out, Written);
        c.mov(ecx, __dword_ptr[esp]);
        Call(c, request, BlockRequestType.In, Read);
        c.mov(esi, Written);
        c.mov(edi, Read);
        c.mov(ecx, Piece / 4);
        c.repe.cmpsd();
        c.jne(wrong);
        c.pop(ecx);
        c.dec(ecx);
        c.jne(next);
        Call(c, request, BlockRequestType.Flush, Written);
        guest.Print("ok").PowerOff();
        c.Label(ref wrong);
        guest.Print("wrong").PowerOff();
        return guest;
    }

    /// <summary>Restarts as often as it takes to count the first byte of the disk up to '3'.</summary>
    public static TinyGuest CountAndRestart()
    {
        TinyGuest guest = Start(out Label request);
        Assembler c = guest.Assembler;
        Label enough = c.CreateLabel();
        c.xor(ecx, ecx);
        Call(c, request, BlockRequestType.In, Read);
        c.mov(al, __byte_ptr[Read]);
        c.mov(dx, 0x3F8);
        c.@out(dx, al);
        c.cmp(al, (sbyte)'3');
        c.je(enough);
        c.inc(__byte_ptr[Read]);
        c.xor(ecx, ecx);
        Call(c, request, BlockRequestType.Out, Read);
        guest.Shutdown("again", how: 2);
        c.Label(ref enough);
        c.nop();
        guest.PowerOff();
        return guest;
    }

    /// <summary>Brings the device up. The request routine: type in eax, number of the piece in ecx, buffer in ebx; ends the Guest if it fails.</summary>
    private static TinyGuest Start(out Label request)
    {
        TinyGuest guest = new TinyGuest().Initialise();
        Assembler c = guest.Assembler;
        c.mov(esp, 0x180000);
        c.mov(ebp, Bar);
        foreach (int status in new[] { 0, 1, 3 })
        {
            c.mov(__byte_ptr[ebp + (int)VirtioRegister.DeviceStatus], status);
        }

        foreach ((uint word, uint features) in new[] { (0u, (uint)BlockFeatures.Flush), (1u, 1u) })
        {
            c.mov(__dword_ptr[ebp + (int)VirtioRegister.DriverFeatureSelect], word);
            c.mov(__dword_ptr[ebp + (int)VirtioRegister.DriverFeature], features);
        }

        c.mov(__byte_ptr[ebp + (int)VirtioRegister.DeviceStatus], 0xB);
        c.mov(__word_ptr[ebp + (int)VirtioRegister.QueueSize], 8);
        c.mov(__dword_ptr[ebp + (int)VirtioRegister.QueueDescriptors], Descriptors);
        c.mov(__dword_ptr[ebp + (int)VirtioRegister.QueueAvailable], Available);
        c.mov(__dword_ptr[ebp + (int)VirtioRegister.QueueUsed], Used);
        c.mov(__word_ptr[ebp + (int)VirtioRegister.QueueEnable], 1);
        c.mov(__byte_ptr[ebp + (int)VirtioRegister.DeviceStatus], 0xF);
        Label after = c.CreateLabel();
        c.jmp(after);

        request = c.CreateLabel();
        Label write = c.CreateLabel();
        Label wait = c.CreateLabel();
        Label good = c.CreateLabel();
        c.Label(ref request);
        c.mov(__dword_ptr[Header], eax);
        c.imul(ecx, ecx, Piece / 512);
        c.mov(__dword_ptr[Header + 8], ecx);
        c.mov(__byte_ptr[Header + 16], 0xEE);
        c.mov(__dword_ptr[Descriptors + 16], ebx);
        c.mov(__dword_ptr[Descriptors + 28], 0x20001);
        c.test(eax, eax);
        c.jne(write);
        c.mov(__dword_ptr[Descriptors + 28], 0x20003);
        c.Label(ref write);
        c.inc(__word_ptr[Available + 2]);
        c.mov(ax, __word_ptr[Available + 2]);
        c.mov(__word_ptr[ebp + (int)VirtioRegister.Notify], 0);
        c.Label(ref wait);
        c.cmp(__word_ptr[Used + 2], ax);
        c.jne(wait);
        c.cmp(__byte_ptr[Header + 16], 0);
        c.je(good);
        guest.Print("failed").PowerOff();
        c.Label(ref good);
        c.ret();
        c.Label(ref after);
        c.nop();

        byte[] descriptors = new byte[48];
        Put(descriptors, 0, Header, 16, 1, 1);
        Put(descriptors, 16, Written, Piece, 1, 2);
        Put(descriptors, 32, Header + 16, 1, 2, 0);
        return guest.Data(Descriptors, descriptors).Data(Available, [1, 0]);
    }

    private static void Put(byte[] table, int at, uint address, uint length, ushort flags, ushort next)
    {
        BitConverter.TryWriteBytes(table.AsSpan(at), address);
        BitConverter.TryWriteBytes(table.AsSpan(at + 8), length);
        BitConverter.TryWriteBytes(table.AsSpan(at + 12), flags);
        BitConverter.TryWriteBytes(table.AsSpan(at + 14), next);
    }

    private static void Call(Assembler c, Label request, BlockRequestType type, uint buffer)
    {
        c.mov(eax, (uint)type);
        c.mov(ebx, buffer);
        c.call(request);
    }
}
