using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Switcher;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Bench;

/// <summary>
/// A kernel and a user program that do one thing many times, and write a letter to port 0xE9 before and after. The same
/// instructions are measured under lguest and on a bare PC; only what sets the stage differs.
/// </summary>
internal sealed class BenchGuest
{
    private const byte TrapGate = 0x8F;
    private const byte InterruptGate = 0x8E;
    private const byte UserMay = 0x60;

    private readonly CodeBuilder _builder;
    private readonly Assembler _c;
    private readonly BenchKind _kind;
    private readonly uint _iterations;
    private readonly uint _rounds;
    private readonly BenchStage _stage;
    private readonly CodeLabel _user;
    private readonly CodeLabel _iret;
    private readonly CodeLabel _control;
    private readonly CodeLabel _fault;
    private readonly CodeLabel _sysenter;
    private readonly CodeLabel _timer;

    private BenchGuest(CodeBuilder builder, BenchPlatform platform, BenchKind kind, uint iterations, uint rounds)
    {
        _builder = builder;
        _c = builder.Asm;
        _kind = kind;
        _iterations = iterations;
        _rounds = rounds;
        _stage = platform == BenchPlatform.Lguest ? new LguestStage(builder) : new MultibootStage(builder);
        _user = builder.NewLabel();
        _iret = builder.NewLabel();
        _control = builder.NewLabel();
        _fault = builder.NewLabel();
        _sysenter = builder.NewLabel();
        _timer = builder.NewLabel();
    }

    /// <summary>Assembles a Guest that measures one thing.</summary>
    /// <param name="platform">What it runs on.</param>
    /// <param name="kind">What it does.</param>
    /// <param name="iterations">How often in a round; a sweep over the pages counts as <see cref="BenchLayout.FaultPages"/>.</param>
    /// <param name="rounds">Times between a pair of letters.</param>
    public static GuestImage Build(BenchPlatform platform, BenchKind kind, uint iterations, uint rounds)
    {
        byte[] bytes = CodeBuilder.Assemble(BenchLayout.Load, b => new BenchGuest(b, platform, kind, iterations, rounds).Emit());
        return new GuestImage(bytes, BenchLayout.Load, BenchLayout.Load);
    }

    /// <summary>Is there anything like it on a bare PC?</summary>
    public static bool RunsOn(BenchPlatform platform, BenchKind kind) =>
        platform == BenchPlatform.Lguest || kind is not (BenchKind.Hypercall or BenchKind.TimerLatency);

    /// <summary>Iterations of a round as they come out.</summary>
    public static uint Rounded(BenchKind kind, uint iterations) => kind switch
    {
        BenchKind.FaultMinor or BenchKind.FaultNewPage =>
            Math.Max(1, iterations / BenchLayout.FaultPages) * BenchLayout.FaultPages,
        BenchKind.ContextSwitch => Math.Max(1, iterations / 2) * 2,
        BenchKind.TimerLatency => BenchLayout.LatencySamples,
        _ => iterations,
    };

    private void Emit()
    {
        _stage.EmitBegin(_builder.AddressOf(_timer));
        EmitTables();
        byte syscall = _kind == BenchKind.SyscallTrapGate ? TrapGate : InterruptGate;
        _stage.EmitGate(BenchLayout.SyscallVector, _builder.AddressOf(_iret), (byte)(syscall | UserMay));
        _stage.EmitGate(BenchLayout.ControlVector, _builder.AddressOf(_control), TrapGate | UserMay);
        _stage.EmitGate(3, _builder.AddressOf(_iret), TrapGate | UserMay);
        _stage.EmitGate(14, _builder.AddressOf(_fault), InterruptGate);
        _stage.EmitGate(32, _builder.AddressOf(_timer), InterruptGate);
        _stage.EmitReady();
        if (_kind is BenchKind.Sysenter or BenchKind.ReturnToUser)
        {
            EmitSysenterSetUp();
        }

        switch (_kind)
        {
            case BenchKind.SelfInterrupt:
                Rounds(Mark, () => Loop(_iterations, _c.int3));
                _stage.EmitEnd();
                break;
            case BenchKind.Hypercall:
                Rounds(Mark, () => Loop(_iterations, () =>
                {
                    _c.xor(eax, eax);
                    _c.@int(0x1F);
                }));
                _stage.EmitEnd();
                break;
            case BenchKind.ContextSwitch:
                Rounds(Mark, () => Loop(Math.Max(1, _iterations / 2), () =>
                {
                    Switch(1);
                    Switch(0);
                }));
                _stage.EmitEnd();
                break;
            case BenchKind.TimerLatency:
                EmitLatencies();
                _stage.EmitEnd();
                break;
            default:
                _stage.EmitEnterUser(_builder.AddressOf(_user));
                break;
        }

        EmitUser();
        EmitHandlers();
        _stage.EmitData();
    }

    /// <summary>Three directories: the low 4 MiB alike, then the pages that come and go.</summary>
    private void EmitTables()
    {
        const uint Present = 0x67;
        for (uint i = 0; i < BenchLayout.DirectoryCount; i++)
        {
            CodeLabel next = _builder.NewLabel();
            uint table = BenchLayout.Tables + 0x1000 * i;
            _c.mov(edi, table);
            _c.mov(eax, Present);
            _builder.Mark(next);
            _c.mov(__dword_ptr[edi], eax);
            _c.add(edi, 4);
            _c.add(eax, 0x1000);
            _c.cmp(edi, table + 0x1000);
            _c.jne(next);
            uint directory = BenchLayout.Directories + 0x1000 * i;
            _c.mov(__dword_ptr[directory], table | Present);
            _c.mov(__dword_ptr[directory + 4], BenchLayout.FaultTable | Present);
        }

        for (uint i = 1; i <= BenchLayout.DirectoryCount; i++)
        {
            // All of them once, the first at the end: lguest believes a Guest only from its third directory on.
            _stage.EmitDirectory(BenchLayout.Directories + 0x1000 * (i % BenchLayout.DirectoryCount));
        }

        _stage.EmitPagingOn();
    }

    private void EmitSysenterSetUp()
    {
        WriteRegister(0x174, 0x60);
        WriteRegister(0x175, BenchLayout.TrapStackTop);
        WriteRegister(0x176, _builder.AddressOf(_sysenter));
    }

    private void WriteRegister(uint number, uint value)
    {
        _c.mov(ecx, number);
        _c.mov(eax, value);
        _c.xor(edx, edx);
        _c.wrmsr();
    }

    private void EmitUser()
    {
        _builder.Mark(_user);
        switch (_kind)
        {
            case BenchKind.SyscallTrapGate or BenchKind.SyscallInterruptGate:
                Rounds(MarkFromUser, () => Loop(_iterations, () => _c.@int(BenchLayout.SyscallVector)));
                break;
            case BenchKind.Sysenter or BenchKind.ReturnToUser:
                Rounds(MarkFromUser, () => Loop(_iterations, () =>
                {
                    CodeLabel back = _builder.NewLabel();
                    _c.mov(ecx, esp);
                    _c.mov(edx, _builder.AddressOf(back));
                    _c.sysenter();
                    _builder.Mark(back);
                }));
                break;
            case BenchKind.FaultMinor or BenchKind.FaultNewPage:
                Rounds(MarkFromUser, () => Loop(Math.Max(1, _iterations / BenchLayout.FaultPages), () =>
                {
                    CodeLabel next = _builder.NewLabel();
                    _c.mov(ebx, BenchLayout.FaultArea);
                    _builder.Mark(next);
                    _c.mov(__dword_ptr[ebx + 0x10], ebx);
                    _c.add(ebx, 0x1000);
                    _c.cmp(ebx, BenchLayout.FaultArea + 0x1000 * BenchLayout.FaultPages);
                    _c.jne(next);
                    _c.mov(eax, 0);
                    _c.@int(BenchLayout.ControlVector);
                }));
                break;
        }

        MarkFromUser(BenchLayout.MarkLast);
    }

    private void EmitHandlers()
    {
        _builder.Mark(_iret);
        _c.iretd();

        // eax: a letter for the port, or 0 to have all pages taken away again.
        CodeLabel unmap = _builder.NewLabel();
        CodeLabel end = _builder.NewLabel();
        _builder.Mark(_control);
        _c.test(eax, eax);
        _c.je(unmap);
        _c.cmp(eax, BenchLayout.MarkLast);
        _c.je(end);
        _stage.EmitMark();
        _c.iretd();
        _builder.Mark(end);
        _stage.EmitEnd();
        _builder.Mark(unmap);
        _c.push(ecx);
        _c.push(edi);
        _c.mov(edi, BenchLayout.FaultTable);
        _c.mov(ecx, BenchLayout.FaultPages);
        _c.rep.stosd();
        _stage.EmitFlushUser();
        _c.pop(edi);
        _c.pop(ecx);
        _c.iretd();

        EmitFault();

        _builder.Mark(_sysenter);
        if (_kind == BenchKind.ReturnToUser)
        {
            _c.push(0x7B);
            _c.push(ecx);

            // A bare PC has a timer that we want to hear nothing of; under lguest IF is not loaded anyway.
            _c.push(2);
            _c.push(0x73);
            _c.push(edx);
            _c.iretd();
        }
        else
        {
            _c.sysexit();
        }

        _builder.Mark(_timer);
        _c.rdtsc();
        _c.mov(ebp, eax);
        _c.iretd();
    }

    private void EmitFault()
    {
        _builder.Mark(_fault);
        _c.push(eax);
        _c.push(edx);
        _stage.EmitFaultAddress();
        _c.mov(edx, eax);
        _c.and(edx, 0x003FF000);
        _c.add(edx, BenchLayout.FaultFrames);
        if (_kind == BenchKind.FaultNewPage)
        {
            _c.push(ecx);
            _c.push(edi);
            _c.push(eax);
            _c.mov(edi, edx);
            _c.xor(eax, eax);
            _c.mov(ecx, 1024);
            _c.rep.stosd();
            _c.pop(eax);
            _c.pop(edi);
            _c.pop(ecx);
        }

        _c.or(edx, 0x67);
        _c.shr(eax, 12);
        _c.and(eax, 0x3FF);
        _c.mov(__dword_ptr[eax * 4 + BenchLayout.FaultTable], edx);
        if (_kind == BenchKind.FaultNewPage)
        {
            _stage.EmitAnnouncePage();
        }

        _c.pop(edx);
        _c.pop(eax);
        _c.add(esp, 4);
        _c.iretd();
    }

    private void Switch(uint number)
    {
        _stage.EmitDirectory(BenchLayout.Directories + 0x1000 * number);
        _c.mov(eax, __dword_ptr[BenchLayout.Latencies]);
    }

    /// <summary>Sets the timer, waits for it with interrupts on, and writes down by how much it was late.</summary>
    private void EmitLatencies()
    {
        CodeLabel again = _builder.NewLabel();
        CodeLabel wait = _builder.NewLabel();
        _c.mov(__dword_ptr[BenchLayout.LguestData + 4], 0);
        _c.mov(edi, BenchLayout.Latencies);
        _builder.Mark(again);
        _c.xor(ebp, ebp);
        _c.mov(__dword_ptr[BenchLayout.LguestData], 0x200);
        _c.rdtsc();
        _c.mov(esi, eax);
        _c.mov(eax, 9);
        _c.mov(ebx, BenchLayout.LatencyDelta);
        _c.@int(0x1F);
        _builder.Mark(wait);
        _c.test(ebp, ebp);
        _c.je(wait);
        _c.sub(ebp, esi);
        _c.sub(ebp, BenchLayout.LatencyDelta);
        _c.mov(__dword_ptr[edi], ebp);
        _c.add(edi, 4);
        _c.cmp(edi, BenchLayout.Latencies + 4 * BenchLayout.LatencySamples);
        _c.jne(again);
    }

    private void Rounds(Action<byte> mark, Action body)
    {
        CodeLabel again = _builder.NewLabel();
        _c.push(_rounds);
        _builder.Mark(again);
        mark(BenchLayout.MarkBegin);
        body();
        mark(BenchLayout.MarkEnd);
        _c.dec(__dword_ptr[esp]);
        _c.jne(again);
    }

    /// <summary>Counts in esi, which nothing that is measured touches.</summary>
    private void Loop(uint times, Action body)
    {
        CodeLabel again = _builder.NewLabel();
        _c.mov(esi, times);
        _builder.Mark(again);
        body();
        _c.dec(esi);
        _c.jne(again);
    }

    private void Mark(byte letter)
    {
        _c.mov(eax, letter);
        _stage.EmitMark();
    }

    private void MarkFromUser(byte letter)
    {
        _c.mov(eax, letter);
        _c.@int(BenchLayout.ControlVector);
    }
}
