using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// The console: found in PCI slot 1, where lguest's Launcher promises it; first written to by emergency write, then by its
/// transmit queue (ABI sheet §10).
/// </summary>
internal static class ConsoleChapter
{
    private const uint ConsoleId = 0x1043_1AF4;
    private const int CommonType = 1;
    private const int NotifyType = 2;
    private const int IsrType = 3;
    private const int DeviceType = 4;
    private const int WindowType = 5;
    private const int VendorCapability = 9;

    private const int QueueEntries = 16;
    private const uint Descriptors = TourLayout.Rings;
    private const uint Available = TourLayout.Rings + 0x200;
    private const uint Used = TourLayout.Rings + 0x400;
    private const uint ReceiveQueue = TourLayout.Rings + 0x800;

    /// <summary>Virtual address of avail.flags of the transmit queue: 1 = no interrupts, please.</summary>
    public const uint AvailableFlags = Available + TourLayout.KernelOffset;

    /// <summary>Physical address of a capability's register, out of Variables.</summary>
    private static uint Capability(int type) => TourVariable.Capability + 4 * (uint)type;

    public static void EmitProbe(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel other = k.NewLabel();
        CodeLabel done = k.NewLabel();

        c.xor(eax, eax);
        c.call(k.ReadConfig);
        k.Expect("vendor and device in PCI slot 1", eax, ConsoleId);

        // Walk the capabilities; remember where each of virtio's types 1 to 5 stands.
        c.mov(eax, 0x34);
        c.call(k.ReadConfig);
        c.movzx(ebx, al);
        c.mov(ecx, 16);
        CodeLabel next = k.Here();
        c.test(ebx, ebx);
        c.je(done);
        c.mov(eax, ebx);
        c.call(k.ReadConfig);
        c.cmp(al, VendorCapability);
        c.jne(other);
        c.mov(edx, eax);
        c.shr(edx, 24);
        c.cmp(edx, WindowType);
        c.ja(other);
        c.mov(__dword_ptr[edx * 4 + TourVariable.Capability], ebx);
        k.Mark(other);
        c.movzx(ebx, ah);
        c.dec(ecx);
        c.jne(next);
        k.Mark(done);
        c.nop();
        k.Expect("offset of capability 4 (device)", Word(Capability(DeviceType)), 0x74);
        k.Expect("offset of capability 5 (window)", Word(Capability(WindowType)), 0x84);
    }

    /// <summary>Maps the device's registers and brings it up as virtio 1.0, §3.1.1 says.</summary>
    public static void EmitStart(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(eax, 0x10);
        c.call(k.ReadConfig);
        c.and(eax, ~0xF);
        c.mov(Word(TourVariable.Scratch), eax);
        c.mov(esi, eax);
        c.and(esi, 0xFFF);
        c.and(eax, ~0xFFF);
        c.or(eax, 0x003);
        c.mov(Word(TourLayout.Virtual(TourLayout.FixmapTable) + TourLayout.EntryOffset(TourLayout.FixmapDevice)), eax);
        c.mov(edx, eax);
        k.Hypercall(HypercallNumber.SetPte, TourLayout.PageDirectory, TourLayout.FixmapDevice);

        Address(CommonType, TourVariable.CommonConfig);
        Address(NotifyType, TourVariable.NotifyAddress);
        Address(IsrType, TourVariable.IsrAddress);

        c.mov(ebx, Word(TourVariable.CommonConfig));
        Status(0);
        c.mov(al, __byte_ptr[ebx + 0x14]);
        c.movzx(eax, al);
        k.Expect("device status after reset", eax, 0);
        Status(1);
        Status(3);
        c.xor(eax, eax);
        c.mov(__dword_ptr[ebx], eax);
        c.mov(ecx, __dword_ptr[ebx + 4]);
        c.and(ecx, 4);
        k.Expect("emergency write offered", ecx, 4);
        c.inc(eax);
        c.mov(__dword_ptr[ebx], eax);
        c.mov(ecx, __dword_ptr[ebx + 4]);
        c.and(ecx, 1);
        k.Expect("virtio 1.0 offered", ecx, 1);
        c.xor(eax, eax);
        c.mov(__dword_ptr[ebx + 0x08], eax);
        c.mov(edx, 4);
        c.mov(__dword_ptr[ebx + 0x0C], edx);
        c.inc(eax);
        c.mov(__dword_ptr[ebx + 0x08], eax);
        c.mov(__dword_ptr[ebx + 0x0C], eax);
        Status(0xB);
        c.mov(al, __byte_ptr[ebx + 0x14]);
        c.movzx(eax, al);
        k.Expect("device status after feature negotiation", eax, 0xB);
        c.mov(ax, __word_ptr[ebx + 0x12]);
        c.movzx(eax, ax);
        k.Expect("number of queues", eax, 2);
        Queue(0, ReceiveQueue, ReceiveQueue + 0x200, ReceiveQueue + 0x400);
        Queue(1, Descriptors, Available, Used);
        Status(0xF);

        // We look at the used ring ourselves: no interrupts until the chapter that is about them.
        c.mov(__word_ptr[AvailableFlags], 1);
        c.mov(Word(TourVariable.ConsoleMode), 1);

        void Address(int type, uint variable)
        {
            c.mov(eax, Word(Capability(type)));
            c.add(eax, 8);
            c.call(k.ReadConfig);
            c.lea(eax, __[eax + esi + TourLayout.FixmapDevice]);
            c.mov(Word(variable), eax);
        }

        void Status(int value)
        {
            c.mov(eax, value);
            c.mov(__byte_ptr[ebx + 0x14], al);
        }

        void Queue(int number, uint descriptors, uint available, uint used)
        {
            c.mov(eax, number);
            c.mov(__word_ptr[ebx + 0x16], ax);
            c.mov(ax, __word_ptr[ebx + 0x18]);
            c.movzx(eax, ax);
            k.Expect("queue size", eax, 256);
            c.mov(eax, QueueEntries);
            c.mov(__word_ptr[ebx + 0x18], ax);
            c.xor(edx, edx);
            foreach ((uint offset, uint address) in new[] { (0x20u, descriptors), (0x28u, available), (0x30u, used) })
            {
                c.mov(eax, address);
                c.mov(__dword_ptr[ebx + offset], eax);
                c.mov(__dword_ptr[ebx + offset + 4], edx);
            }

            c.mov(eax, 1);
            c.mov(__word_ptr[ebx + 0x1C], ax);
        }
    }

    public static void EmitRoutines(KernelAssembler k)
    {
        EmitConfig(k);
        EmitEmergencyFlush(k);
        EmitQueueFlush(k);
    }

    /// <summary>PCI configuration mechanism #1, bus 0, device 1, function 0.</summary>
    private static void EmitConfig(KernelAssembler k)
    {
        Assembler c = k.Asm;
        k.Mark(k.ReadConfig);
        c.or(eax, 0x80000800);
        c.mov(edx, 0xCF8);
        c.@out(dx, eax);
        c.mov(edx, 0xCFC);
        c.@in(eax, dx);
        c.ret();

        k.Mark(k.WriteConfig);
        c.or(eax, 0x80000800);
        c.mov(edx, 0xCF8);
        c.@out(dx, eax);
        c.mov(eax, ecx);
        c.mov(edx, 0xCFC);
        c.@out(dx, eax);
        c.ret();
    }

    /// <summary>Text at esi, ecx bytes: four configuration writes for each character, as early_put_chars (arch/x86/lguest/boot.c).</summary>
    private static void EmitEmergencyFlush(KernelAssembler k)
    {
        Assembler c = k.Asm;
        k.Mark(k.EmergencyFlush);
        c.mov(ebx, ecx);
        CodeLabel next = k.Here();
        foreach ((int offset, int value) in new[] { (0x88, 0), (0x90, 4), (0x8C, 60 + 8) })
        {
            c.mov(eax, offset);
            c.mov(ecx, value);
            c.call(k.WriteConfig);
        }

        c.lodsb();
        c.movzx(ecx, al);
        c.mov(eax, 0x94);
        c.call(k.WriteConfig);
        c.dec(ebx);
        c.jne(next);
        c.ret();
    }

    /// <summary>Text at esi, ecx bytes: descriptor 0, notify, wait until it comes back.</summary>
    private static void EmitQueueFlush(KernelAssembler k)
    {
        Assembler c = k.Asm;
        const uint Descriptor = Descriptors + TourLayout.KernelOffset;
        const uint Ring = Available + TourLayout.KernelOffset;
        const uint UsedRing = Used + TourLayout.KernelOffset;
        CodeLabel back = k.NewLabel();

        k.Mark(k.QueueFlush);
        c.sub(esi, TourLayout.KernelOffset);
        c.mov(__dword_ptr[Descriptor], esi);
        c.mov(__dword_ptr[Descriptor + 4], 0);
        c.mov(__dword_ptr[Descriptor + 8], ecx);
        c.mov(__dword_ptr[Descriptor + 12], 0);
        c.movzx(eax, __word_ptr[Ring + 2]);
        c.mov(ecx, eax);
        c.and(ecx, QueueEntries - 1);
        c.mov(__word_ptr[ecx * 2 + Ring + 4], 0);
        c.inc(eax);
        c.mov(__word_ptr[Ring + 2], ax);
        c.mov(ebx, Word(TourVariable.NotifyAddress));
        c.mov(edx, 1);
        c.mov(__word_ptr[ebx], dx);
        c.mov(ecx, 100_000_000);
        CodeLabel wait = k.Here();
        c.cmp(__word_ptr[UsedRing + 2], ax);
        c.je(back);
        c.dec(ecx);
        c.jne(wait);
        c.xor(eax, eax);
        k.ExpectNotZero("the console returns the buffer");
        k.Mark(back);
        c.ret();
    }
}
