using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Bench;

/// <summary>The kernel is an lguest Guest in ring 1.</summary>
internal sealed class LguestStage(CodeBuilder builder) : BenchStage(builder)
{
    private const uint HypercallVector = 0x1F;
    private const uint IretInTimerHandler = 4;
    private readonly CodeLabel _reason = builder.NewLabel();

    public override void EmitBegin(uint timerHandler)
    {
        const uint Data = BenchLayout.LguestData;
        C.mov(esp, BenchLayout.BootStackTop);
        C.mov(__dword_ptr[Data + 0x004], 0xFFFFFFFF);
        C.mov(eax, 0xFFFFFFFF);
        C.mov(edi, Data + 0x018);
        C.mov(ecx, 16);
        C.rep.stosd();
        C.mov(__dword_ptr[Data + 0x560], timerHandler + IretInTimerHandler);
        C.mov(__dword_ptr[Data + 0x564], 0xC0000000);
        C.mov(__dword_ptr[Data + 0x568], 0x80);
        Hypercall(1, Data);
    }

    public override void EmitGate(byte vector, uint handler, byte type) =>
        Hypercall(6, vector, handler & 0xFFFF, (handler & 0xFFFF0000) | ((uint)type << 8));

    public override void EmitReady()
    {
        Hypercall(18, 14, 0xFFFF, 0x00CFFA00);
        Hypercall(18, 15, 0xFFFF, 0x00CFF200);
        Hypercall(7, 0x69, BenchLayout.TrapStackTop, 1);
        C.mov(eax, 0x7B);
        C.mov(ds, eax);
        C.mov(es, eax);
        C.mov(__dword_ptr[BenchLayout.LguestData], 0x200);
    }

    public override void EmitDirectory(uint physical)
    {
        C.mov(eax, 4);
        C.mov(ebx, physical);
        C.@int((byte)HypercallVector);
    }

    public override void EmitPagingOn()
    {
    }

    public override void EmitFlushUser()
    {
        C.push(ebx);
        C.mov(eax, 5);
        C.xor(ebx, ebx);
        C.@int((byte)HypercallVector);
        C.pop(ebx);
    }

    public override void EmitFaultAddress() => C.mov(eax, __dword_ptr[BenchLayout.LguestData + 8]);

    public override void EmitAnnouncePage()
    {
        C.push(ebx);
        C.push(ecx);
        C.shl(eax, 12);
        C.add(eax, BenchLayout.FaultArea);
        C.mov(ecx, eax);
        C.mov(ebx, BenchLayout.Directories);
        C.mov(eax, 14);
        C.@int((byte)HypercallVector);
        C.pop(ecx);
        C.pop(ebx);
    }

    public override void EmitEnterUser(uint address) => EmitUserFrame(address, 0x202);

    /// <summary>The stopwatch is behind the port.</summary>
    public override void EmitMark() => C.@out((byte)BenchLayout.MarkPort, al);

    public override void EmitEnd()
    {
        C.mov(eax, BenchLayout.MarkLast);
        C.@out((byte)BenchLayout.MarkPort, al);
        Hypercall(2, Builder.AddressOf(_reason), 1);
    }

    public override void EmitData()
    {
        Builder.Mark(_reason);
        Builder.Text("Power down".PadRight(128, '\0'));
    }

    private void Hypercall(uint number, uint argument1, uint argument2 = 0, uint argument3 = 0)
    {
        C.mov(eax, number);
        C.mov(ebx, argument1);
        C.mov(ecx, argument2);
        C.mov(edx, argument3);
        C.@int((byte)HypercallVector);
    }
}
