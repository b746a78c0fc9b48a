using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Bench;

/// <summary>The kernel is in ring 0 of a bare PC, where a multiboot loader has left it (specification 0.6.96, §3.2).</summary>
internal sealed class MultibootStage(CodeBuilder builder) : BenchStage(builder)
{
    private const ushort KernelCs = 0x60;
    private const ushort KernelDs = 0x68;
    private const ushort TaskSelector = 0x80;
    private const uint TaskLimit = 0x67;
    private const uint PagingAndWriteProtect = 0x80010000;
    private const byte PicMasks = 0x21;
    private const byte SecondPicMasks = 0xA1;
    private readonly CodeLabel _gdtPointer = builder.NewLabel();
    private readonly CodeLabel _idtPointer = builder.NewLabel();

    public override void EmitBegin(uint timerHandler)
    {
        C.cli();
        C.cld();

        // The firmware has left its timer running. Interrupts stay off, but one that waits makes every trap of an emulator slower.
        C.mov(eax, 0xFF);
        C.@out(PicMasks, al);
        C.@out(SecondPicMasks, al);
        C.mov(esp, BenchLayout.BootStackTop);
        C.xor(eax, eax);
        C.mov(edi, BenchLayout.Gdt);
        C.mov(ecx, 3 * 1024);
        C.rep.stosd();

        // The same places in the table as under lguest, so that the rest of the code can say the same selectors.
        Descriptor(12, 0x0000FFFF, 0x00CF9B00);
        Descriptor(13, 0x0000FFFF, 0x00CF9300);
        Descriptor(14, 0x0000FFFF, 0x00CFFB00);
        Descriptor(15, 0x0000FFFF, 0x00CFF300);
        Descriptor(16, (BenchLayout.Tss << 16) | TaskLimit, (BenchLayout.Tss & 0xFF000000) | 0x8900 | ((BenchLayout.Tss >> 16) & 0xFF));
        C.mov(__dword_ptr[BenchLayout.Tss + 4], BenchLayout.TrapStackTop);
        C.mov(__dword_ptr[BenchLayout.Tss + 8], KernelDs);
        C.mov(__dword_ptr[BenchLayout.Tss + 100], (TaskLimit + 1) << 16);
        CodeLabel reloaded = Builder.NewLabel();
        C.lgdt(__fword_ptr[Builder.AddressOf(_gdtPointer)]);
        C.jmp(KernelCs, Builder.AddressOf(reloaded));
        Builder.Mark(reloaded);
        C.mov(eax, KernelDs);
        C.mov(ss, eax);
        C.mov(eax, 0x7B);
        C.mov(ds, eax);
        C.mov(es, eax);
        C.xor(eax, eax);
        C.mov(fs, eax);
        C.mov(gs, eax);
        C.mov(eax, TaskSelector);
        C.ltr(ax);
        C.lidt(__fword_ptr[Builder.AddressOf(_idtPointer)]);
    }

    public override void EmitGate(byte vector, uint handler, byte type)
    {
        C.mov(__dword_ptr[BenchLayout.Idt + 8u * vector], ((uint)KernelCs << 16) | (handler & 0xFFFF));
        C.mov(__dword_ptr[BenchLayout.Idt + 8u * vector + 4], (handler & 0xFFFF0000) | ((uint)type << 8));
    }

    public override void EmitReady()
    {
    }

    public override void EmitDirectory(uint physical)
    {
        C.mov(eax, physical);
        C.mov(cr3, eax);
    }

    public override void EmitPagingOn()
    {
        C.mov(eax, cr0);
        C.or(eax, PagingAndWriteProtect);
        C.mov(cr0, eax);
    }

    public override void EmitFlushUser()
    {
        C.mov(eax, cr3);
        C.mov(cr3, eax);
    }

    public override void EmitFaultAddress() => C.mov(eax, cr2);

    public override void EmitAnnouncePage()
    {
        // Not present entries are not cached: there is nobody to tell.
    }

    public override void EmitEnterUser(uint address) => EmitUserFrame(address, 0x002);

    /// <summary>
    /// Who reads the letters may be late for one and not for the other. So the time is taken here: at the end of what a first letter takes, and
    /// in front of a last one, which both time-stamps follow, low bytes first.
    /// </summary>
    public override void EmitMark()
    {
        CodeLabel last = Builder.NewLabel();
        CodeLabel more = Builder.NewLabel();
        CodeLabel done = Builder.NewLabel();
        C.cmp(al, BenchLayout.MarkBegin);
        C.jne(last);
        C.@out((byte)BenchLayout.MarkPort, al);
        C.rdtsc();
        C.mov(__dword_ptr[BenchLayout.Stamps], eax);
        C.mov(__dword_ptr[BenchLayout.Stamps + 4], edx);
        C.jmp(done);
        Builder.Mark(last);
        C.rdtsc();
        C.mov(__dword_ptr[BenchLayout.Stamps + 8], eax);
        C.mov(__dword_ptr[BenchLayout.Stamps + 12], edx);
        C.mov(eax, BenchLayout.MarkEnd);
        C.@out((byte)BenchLayout.MarkPort, al);
        C.mov(edx, BenchLayout.Stamps);
        Builder.Mark(more);
        C.mov(al, __byte_ptr[edx]);
        C.@out((byte)BenchLayout.MarkPort, al);
        C.inc(edx);
        C.cmp(edx, BenchLayout.Stamps + BenchLayout.StampBytes);
        C.jne(more);
        Builder.Mark(done);
    }

    public override void EmitEnd()
    {
        CodeLabel halt = Builder.NewLabel();
        C.mov(eax, BenchLayout.MarkLast);
        C.@out((byte)BenchLayout.MarkPort, al);
        C.xor(eax, eax);
        C.@out((byte)BenchLayout.ExitPort, al);
        Builder.Mark(halt);
        C.hlt();
        C.jmp(halt);
    }

    public override void EmitData()
    {
        Builder.Mark(_gdtPointer);
        C.dw((ushort)(8 * 32 - 1));
        C.dd(BenchLayout.Gdt);
        Builder.Mark(_idtPointer);
        C.dw((ushort)(8 * 256 - 1));
        C.dd(BenchLayout.Idt);
    }

    private void Descriptor(uint index, uint low, uint high)
    {
        C.mov(__dword_ptr[BenchLayout.Gdt + 8 * index], low);
        C.mov(__dword_ptr[BenchLayout.Gdt + 8 * index + 4], high);
    }
}
