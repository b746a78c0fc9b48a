using System.Runtime.InteropServices;
using Iced.Intel;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Emit;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// Writes thunks: <c>uint thunk(GuestCpu*)</c> in the calling convention of the Host, x64. Registers are checked against the run's needs and
/// fetched, its instructions executed as they are, and what has changed is stored: results, status, tags, pointers.
/// </summary>
/// <remarks>
/// Use of registers: r8 the CPU, r10 16·TOP, r11 scratch for addresses in the register file, <see cref="s_windowRegisters"/> Host addresses of
/// windows. At the end eax has the status word and ecx the answer. All of them belong to the callee in either convention.
/// </remarks>
internal sealed class X87Assembler
{
    private const int RegisterMask = 0x70;
    private const int Flags = (int)FpuExceptions.Maskable;

    private static readonly AssemblerRegister64[] s_windowRegisters = [rax, rdx, r9, rcx];

    private readonly Assembler _c = new(64);
    private Label _hostControlWord;
    private X87Run _run = null!;
    private X87Stack _stack = null!;

    /// <summary>The Host's stack, its top first: which cell each register holds.</summary>
    private readonly List<int> _host = [];
    private readonly int[] _lastPush = new int[8];
    private readonly int?[] _inRegister = new int?[s_windowRegisters.Length];
    private int _nextRegister;
    private bool _raises;

    /// <summary>Assembles the thunks of all runs and loops into memory of their own, and tells them; null: there are none, or the Host allows no code.</summary>
    public static ExecutableMemory? Assemble(IReadOnlyCollection<X87Run> runs, IReadOnlyCollection<X87Loop> loops, RegionGraph graph)
    {
        if (runs.Count == 0)
        {
            return null;
        }

        var assembler = new X87Assembler();
        return assembler.AssembleAll(runs, loops, graph);
    }

    private ExecutableMemory? AssembleAll(IReadOnlyCollection<X87Run> runs, IReadOnlyCollection<X87Loop> loops, RegionGraph graph)
    {
        _hostControlWord = _c.CreateLabel();
        var entries = new List<Label>();
        foreach (X87Run run in runs)
        {
            Label entry = _c.CreateLabel();
            entries.Add(entry);
            _c.Label(ref entry);
            entries[^1] = entry;
            Thunk(run);
        }

        var loopEntries = new List<(X87Loop Loop, IReadOnlyDictionary<int, Label> Entries)>();
        foreach (X87Loop loop in loops)
        {
            if (!new X87LoopAssembler(_c, loop, graph).TryAssemble(out IReadOnlyDictionary<int, Label> entriesOfLoop))
            {
                throw new InvalidOperationException("A loop was planned that cannot be assembled.");
            }

            loopEntries.Add((loop, entriesOfLoop));
        }

        _c.Label(ref _hostControlWord);
        _c.dw(X87Host.ControlWord);
        using var stream = new MemoryStream();
        AssemblerResult result = _c.Assemble(new StreamCodeWriter(stream), 0, BlockEncoderOptions.ReturnNewInstructionOffsets);
        ExecutableMemory? memory = ExecutableMemory.TryCreate(stream.ToArray());
        if (memory != null)
        {
            foreach ((X87Run run, Label entry) in runs.Zip(entries))
            {
                run.Thunk = memory.Address + (nint)result.GetLabelRIP(entry);
            }

            foreach ((X87Loop loop, IReadOnlyDictionary<int, Label> labels) in loopEntries)
            {
                foreach ((int block, Label entry) in labels)
                {
                    loop.Thunks[block] = memory.Address + (nint)result.GetLabelRIP(entry);
                }
            }
        }

        return memory;
    }

    private void Thunk(X87Run run)
    {
        _run = run;
        _stack = new X87Stack();
        _host.Clear();
        FindPushes();
        Array.Clear(_inRegister);
        _raises = run.Elements.Exists(static e => X87Traits.CanRaise(e.Operation));
        bool rounds = _raises || run.Elements.Exists(static e => e.Operation.Kind == X87Kind.LoadConstant);
        Label fail = _c.CreateLabel();
        Begin(fail);
        OutOfLine? clear = _raises ? ClearHostFlags() : null;
        OutOfLine? guestWord = rounds ? ChangeControlWord() : null;
        Fetch();
        foreach (X87Element element in run.Elements)
        {
            Execute(element);
        }

        StoreRegisters();
        StoreStatus();
        StorePointers();
        OutOfLine? hostWord = rounds ? RestoreControlWord() : null;
        if (run.SetsFlags)
        {
            _c.mov(eax, ecx);
        }
        else
        {
            _c.mov(eax, X87Replay.Done);
        }

        _c.ret();
        clear?.Emit();
        guestWord?.Emit();
        hostWord?.Emit();
        _c.Label(ref fail);
        _c.xor(eax, eax);
        _c.ret();
        _c.int3();
    }

    /// <summary>TOP, and the tags: registers that the run reads have to be in use, those that it pushes onto must not be.</summary>
    private void Begin(Label fail)
    {
        X87Stack end = _run.Stack;
        int full = Cells(cell => end.Need(cell) == X87Need.Full);
        int touched = Cells(cell => end.Need(cell) != X87Need.Nothing);
        int fullAtEnd = Cells(cell => end.Need(cell) != X87Need.Nothing && end.IsFull(cell));
        _c.mov(r8, RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? rcx : rdi);
        _c.movzx(ecx, __word_ptr[r8 + X87Offsets.StatusWord]);
        _c.shr(ecx, FpuStatus.TopShift);
        _c.and(ecx, 7);
        _c.movzx(eax, __byte_ptr[r8 + X87Offsets.Tags]);
        _c.ror(al, cl);
        _c.mov(edx, eax);
        _c.and(edx, touched);
        _c.cmp(edx, full);
        _c.jne(fail);
        if (fullAtEnd != full)
        {
            _c.and(eax, ~touched & 0xFF);
            _c.or(eax, fullAtEnd);
            _c.rol(al, cl);
            _c.mov(__byte_ptr[r8 + X87Offsets.Tags], al);
        }

        _c.shl(ecx, 4);
        _c.mov(r10d, ecx);
    }

    private static int Cells(Predicate<int> which) => Enumerable.Range(0, 8).Where(cell => which(cell)).Sum(static cell => 1 << cell);

    /// <summary>Flags that the Host has from before and the Guest has not must go, or they would look like this run's.</summary>
    private OutOfLine ClearHostFlags()
    {
        _c.movzx(edx, __byte_ptr[r8 + X87Offsets.StatusWord]);
        _c.not(edx);
        _c.test(__dword_ptr[r8 + X87Offsets.HostFlags], edx);
        var other = new OutOfLine(_c, () => _c.fnclex());
        _c.jne(other.Start);
        other.Return();
        return other;
    }

    private OutOfLine ChangeControlWord()
    {
        _c.cmp(__word_ptr[r8 + X87Offsets.ControlWord], X87Host.ControlWord);
        var other = new OutOfLine(_c, () => _c.fldcw(__word_ptr[r8 + X87Offsets.ControlWord]));
        _c.jne(other.Start);
        other.Return();
        return other;
    }

    private OutOfLine RestoreControlWord()
    {
        _c.cmp(__word_ptr[r8 + X87Offsets.ControlWord], X87Host.ControlWord);
        var other = new OutOfLine(_c, () => _c.fldcw(__word_ptr[_hostControlWord]));
        _c.jne(other.Start);
        other.Return();
        return other;
    }

    /// <summary>Loads what the run reads, the deepest first: the Host's stack has the same order as the Guest's, but not the rest of it.</summary>
    private void Fetch()
    {
        for (int cell = 7; cell >= 0; cell--)
        {
            if (_run.Stack.Need(cell) == X87Need.Full)
            {
                _c.fld(Slot(cell));
                _host.Insert(0, cell);
            }
        }
    }

    /// <summary>A register in the Guest's register file.</summary>
    private AssemblerMemoryOperand Slot(int cell)
    {
        if (cell == 0)
        {
            return __tbyte_ptr[r8 + r10 + X87Offsets.Registers];
        }

        _c.lea(r11d, __[r10 + (cell << 4)]);
        _c.and(r11d, RegisterMask);
        return __tbyte_ptr[r8 + r11 + X87Offsets.Registers];
    }

    /// <summary>
    /// One instruction. A register that is popped and not used again keeps what it held, in the Guest as on silicon: so it has to be stored
    /// before it goes, and the instruction is executed in its form without a pop.
    /// </summary>
    private void Execute(X87Element e)
    {
        X87Operation op = e.Operation;
        bool last = e == _run.Last;
        int[] popped = [.. Enumerable.Range(0, op.Pops).Select(_stack.Cell)];
        int other = _host.IndexOf(_stack.Cell(op.Index));
        if (!_stack.TryApply(op))
        {
            throw new InvalidOperationException("A run was planned that its own registers do not allow.");
        }

        // Two pops are always taken apart: between them and the comparison the status is to be read.
        bool apart = op.Pops == 2 || Array.Exists(popped, cell => MustStore(cell, e.Number));
        Code code = e.Instruction.Code;
        if (apart && !X87Pops.TryWithout(code, out code))
        {
            // FSTP m80, FISTP m64 and FISTTP always pop: so the value is doubled before.
            apart = Double(popped[0]);
        }

        _c.AddInstruction(Core(e, code, other));
        if (X87Traits.Pushes(op))
        {
            _host.Insert(0, _stack.Top);
        }

        // Before anything is stored that would change C1.
        TakeStatus(e);

        foreach (int cell in popped)
        {
            if (apart)
            {
                Drop(cell, MustStore(cell, e.Number));
            }
            else
            {
                _host.Remove(cell);
            }
        }
    }

    /// <summary>Is what this popped register holds now what it will hold at the end, and something else than at the start?</summary>
    private bool MustStore(int cell, int number) => _lastPush[cell] <= number && _stack.IsChanged(cell);

    /// <summary>The last element that pushes onto each cell, or −1.</summary>
    private void FindPushes()
    {
        Array.Fill(_lastPush, -1);
        var ahead = new X87Stack();
        foreach (X87Element e in _run.Elements)
        {
            _ = ahead.TryApply(e.Operation);
            if (X87Traits.Pushes(e.Operation))
            {
                _lastPush[ahead.Top] = e.Number;
            }
        }
    }

    /// <summary>Takes ST(0) off the Host's stack, which is <paramref name="cell"/>.</summary>
    private void Drop(int cell, bool store)
    {
        if (store)
        {
            _c.fstp(Slot(cell));
        }
        else
        {
            _c.fstp(st0);
        }

        _host.Remove(cell);
    }

    /// <summary>The instruction for the Host: its operands are where the Host has them.</summary>
    /// <param name="code">Its form.</param>
    /// <param name="other">Where ST(i) is.</param>
    private Instruction Core(X87Element e, Code code, int other)
    {
        if (e.Window != null)
        {
            return Instruction.Create(code, Memory(e));
        }

        if (e.Instruction.Code is Code.Fcompp or Code.Fucompp)
        {
            return Instruction.Create(code, Register.ST0, Register.ST0 + other);
        }

        Instruction instruction = e.Instruction;
        instruction.Code = code;

        // To the assembler an address is a label.
        instruction.IP = 0;
        for (int k = 0; k < instruction.OpCount; k++)
        {
            instruction.SetOpRegister(k, IsIndexed(e, k) ? Register.ST0 + other : Register.ST0);
        }

        return instruction;
    }

    /// <summary>Is operand <paramref name="k"/> of the instruction the ST(i)?</summary>
    private static bool IsIndexed(X87Element e, int k) => e.Instruction.OpCount == 1 || k == (e.Operation.ToRegister ? 0 : 1);

    /// <summary>
    /// ST(0) once more, to be popped in its stead; true. With all eight registers in use the register is stored instead, and false says
    /// that it has to go.
    /// </summary>
    private bool Double(int cell)
    {
        if (_host.Count < 8)
        {
            _c.fld(st0);
            return true;
        }

        _c.fstp(Slot(cell));
        _c.fld(Slot(cell));
        return false;
    }

    private MemoryOperand Memory(X87Element e)
    {
        if (e.Copy is { } copy)
        {
            return new MemoryOperand(Register.R8, X87Emitter.CopyOffset(copy), 8);
        }

        int register = Array.IndexOf(_inRegister, e.Window!.Number);
        if (register < 0)
        {
            register = _nextRegister;
            _nextRegister = (_nextRegister + 1) % s_windowRegisters.Length;
            _inRegister[register] = e.Window.Number;
            _c.mov(s_windowRegisters[register], __qword_ptr[r8 + WindowOffset(e.Window)]);
        }

        int size = e.Offset is >= sbyte.MinValue and <= sbyte.MaxValue ? 1 : 8;
        return new MemoryOperand(s_windowRegisters[register], e.Offset, size);
    }

    private static int WindowOffset(X87Window window) => MethodNames.FpuThunks + window.Number * FpuThunkState.WindowStride;

    /// <summary>
    /// FCOMI leaves C1 as the instruction before it had it, and not every processor is sure of that: so it is fetched there, into r9. Unless an
    /// instruction follows that clears it, or that one did.
    /// </summary>
    private bool RoundsBeforeFlags() => _run.Last.Operation.Kind == X87Kind.CompareToFlags
        && _run.Elements.Count > 1 && X87Traits.CanRoundUp(_run.Elements[^2].Operation);

    /// <summary>What has to be known of the status behind an instruction.</summary>
    private void TakeStatus(X87Element e)
    {
        if (e.Operation.Kind == X87Kind.CompareToFlags)
        {
            _c.lahf();
            _c.movzx(ecx, ah);
        }

        if (e == _run.Last && _raises)
        {
            _c.fnstsw(ax);
        }
        else if (RoundsBeforeFlags() && e.Number == _run.Last.Number - 1)
        {
            _c.fnstsw(ax);
            _c.mov(r9d, eax);
            _c.and(r9d, FpuStatus.C1);
        }
    }

    private void StoreRegisters()
    {
        while (_host.Count > 0)
        {
            Drop(_host[0], _stack.IsChanged(_host[0]));
        }
    }

    private void StoreStatus()
    {
        // All but FCOMI write C1; a comparison writes the other three as well.
        int conditions = _run.SetsFlags
            ? _run.Elements.Count > 1 ? FpuStatus.C1 : 0
            : X87Traits.Compares(_run.Last.Operation) ? FpuStatus.Conditions : FpuStatus.C1;
        int written = conditions | (_stack.Top != 0 ? 7 << FpuStatus.TopShift : 0);
        _c.movzx(edx, __word_ptr[r8 + X87Offsets.StatusWord]);
        _c.and(edx, ~written);
        if (_raises)
        {
            _c.mov(r11d, eax);
            _c.and(r11d, Flags);
            _c.mov(__dword_ptr[r8 + X87Offsets.HostFlags], r11d);
            _c.and(eax, Flags | (_run.SetsFlags ? 0 : conditions));
            _c.or(edx, eax);
        }

        if (RoundsBeforeFlags())
        {
            _c.or(edx, r9d);
        }

        if (_stack.Top != 0)
        {
            _c.lea(r11d, __[r10 + (_stack.Top << 4)]);
            _c.and(r11d, RegisterMask);
            _c.shl(r11d, FpuStatus.TopShift - 4);
            _c.or(edx, r11d);
        }

        _c.mov(__word_ptr[r8 + X87Offsets.StatusWord], dx);
    }

    /// <summary>FOP, FIP and FCS of the last instruction, FDP and FDS of the last one with a memory operand.</summary>
    private void StorePointers()
    {
        _c.mov(__word_ptr[r8 + X87Offsets.LastOpcode], _run.Last.Operation.Opcode);
        _c.mov(__dword_ptr[r8 + X87Offsets.InstructionOffset], _run.Last.Instruction.IP32);
        _c.movzx(edx, __word_ptr[r8 + MethodNames.Selector(Register.CS)]);
        _c.mov(__word_ptr[r8 + X87Offsets.InstructionSelector], dx);
        if (_run.Elements.FindLast(static e => e.Window != null) is not { } data)
        {
            return;
        }

        _c.mov(edx, __dword_ptr[r8 + WindowOffset(data.Window!) + sizeof(ulong)]);
        if (data.Offset != 0)
        {
            _c.add(edx, data.Offset);
        }

        _c.mov(__dword_ptr[r8 + X87Offsets.DataOffset], edx);
        _c.movzx(edx, __word_ptr[r8 + MethodNames.Selector(data.Instruction.MemorySegment)]);
        _c.mov(__word_ptr[r8 + X87Offsets.DataSelector], dx);
    }

    /// <summary>Code that is seldom run, put behind the rest.</summary>
    private sealed class OutOfLine(Assembler c, Action emit)
    {
        private Label _start = c.CreateLabel();
        private Label _return = c.CreateLabel();

        public Label Start => _start;

        /// <summary>Here it comes back.</summary>
        public void Return() => c.Label(ref _return);

        public void Emit()
        {
            c.Label(ref _start);
            emit();
            c.jmp(_return);
        }
    }
}
