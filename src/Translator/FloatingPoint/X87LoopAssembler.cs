using System.Runtime.InteropServices;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Fpu;
using Lguest.Jit.Translator.Emit;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// Writes the thunk of a loop: the Guest's instructions as they are, its general registers in the Host's of the same names (ESP in r9), its flags in
/// the Host's, its register stack in the Host's with every register at its place, empty ones included. What is added is a look at the budget at safepoints, and the
/// check and translation of addresses.
/// </summary>
/// <remarks>
/// Also r8 is the CPU, r14 the budget, r12, r13, r15 the Host addresses of spans; r10 and r11 are scratch. A check overwrites the flags, so it saves them
/// first, if they are not those that have been saved already; they come back when somebody needs them. Exits always show those that have been saved.
/// Flags that the Guest's silicon and ours might not agree on must not be seen: a loop where they could be is refused.
/// </remarks>
internal sealed class X87LoopAssembler
{
    private const int RegisterMask = 0x70;
    private const int Flags = (int)FpuExceptions.Maskable;
    private const RflagsBits Status = RflagsBits.CF | RflagsBits.PF | RflagsBits.AF | RflagsBits.ZF | RflagsBits.SF | RflagsBits.OF;

    private static readonly bool s_windows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);
    private static readonly AssemblerRegister64[] s_saved = s_windows ? [rbx, rbp, rsi, rdi, r12, r13, r14, r15] : [rbx, rbp, r12, r13, r14, r15];
    private static readonly AssemblerRegister32[] s_general = [eax, ecx, edx, ebx, r9d, ebp, esi, edi];

    private readonly Assembler _c;
    private readonly X87Loop _loop;
    private readonly RegionGraph _graph;
    private readonly X87LoopSpans _spans = new([r12, r13, r15]);
    private readonly Dictionary<int, Label> _starts = [];
    private readonly Dictionary<int, Label> _bodies = [];
    private readonly List<Action> _outOfLine = [];
    private Label _leave;
    private Label _fail;
    private bool _inHost;
    private bool _isSaved;
    private RflagsBits _doubtful;
    private bool _possible = true;

    // Of the block.
    private X87LoopState _state;
    private X87Operation? _last;
    private Instruction _lastInstruction;
    private Instruction? _lastData;
    private bool _isConditionDoubtful;

    public X87LoopAssembler(Assembler assembler, X87Loop loop, RegionGraph graph)
    {
        _c = assembler;
        _loop = loop;
        _graph = graph;
    }

    /// <summary>Appends the thunk; false: it cannot be done, and what has been appended is good for nothing.</summary>
    /// <param name="entries">Where it begins, by block.</param>
    public bool TryAssemble(out IReadOnlyDictionary<int, Label> entries)
    {
        var labels = new Dictionary<int, Label>();
        entries = labels;
        _leave = _c.CreateLabel();
        _fail = _c.CreateLabel();
        foreach (int block in _loop.Blocks)
        {
            _starts[block] = _c.CreateLabel();
            _bodies[block] = _c.CreateLabel();
        }

        foreach (int block in _loop.Entries)
        {
            Label entry = _c.CreateLabel();
            _c.Label(ref entry);
            labels[block] = entry;
            Enter(block);
        }

        for (int k = 0; k < _loop.Blocks.Count && _possible; k++)
        {
            Block(_loop.Blocks[k], k + 1 < _loop.Blocks.Count ? _loop.Blocks[k + 1] : -1);
        }

        foreach (Action emit in _outOfLine)
        {
            emit();
        }

        Leave();
        _c.Label(ref _fail);
        _c.xor(eax, eax);
        _c.ret();
        _c.int3();
        return _possible;
    }

    private void Enter(int block)
    {
        X87LoopState state = _loop.Stack[block];
        int touched = _loop.Stack.Touched;
        _c.mov(r8, s_windows ? rcx : rdi);
        _c.movzx(ecx, __word_ptr[r8 + X87Offsets.StatusWord]);
        _c.shr(ecx, FpuStatus.TopShift);
        _c.sub(ecx, state.Top);
        _c.and(ecx, 7);
        _c.movzx(eax, __byte_ptr[r8 + X87Offsets.Tags]);
        _c.ror(al, cl);
        _c.and(eax, touched);
        _c.cmp(eax, state.Full & touched);
        _c.jne(_fail);
        foreach (AssemblerRegister64 register in s_saved)
        {
            _c.push(register);
        }

        _c.shl(ecx, 4);
        _c.mov(__dword_ptr[r8 + X87Offsets.LoopBase], ecx);
        _c.mov(__dword_ptr[r8 + X87Offsets.LoopRan], 0);

        // Flags that the Host has from before and the Guest has not must go, or they would look like this loop's.
        Label clear = _c.CreateLabel();
        _c.movzx(edx, __byte_ptr[r8 + X87Offsets.StatusWord]);
        _c.not(edx);
        _c.test(__dword_ptr[r8 + X87Offsets.HostFlags], edx);
        _c.je(clear);
        _c.fnclex();
        _c.Label(ref clear);

        // The deepest first. What is empty has contents nevertheless.
        bool begun = false;
        for (int i = 7; i >= 0; i--)
        {
            int cell = (state.Top + i) & 7;
            begun |= (touched & (1 << cell)) != 0;
            if (!begun)
            {
                continue;
            }

            if ((touched & (1 << cell)) == 0)
            {
                _c.fdecstp();
                continue;
            }

            _c.lea(r11d, __[rcx + (cell << 4)]);
            _c.and(r11d, RegisterMask);
            _c.fld(__tbyte_ptr[r8 + r11 + X87Offsets.Registers]);
            if ((state.Full & (1 << cell)) == 0)
            {
                _c.ffree(st0);
            }
        }

        Label usual = _c.CreateLabel();
        _c.cmp(__word_ptr[r8 + X87Offsets.ControlWord], X87Host.ControlWord);
        _c.je(usual);
        _c.fldcw(__word_ptr[r8 + X87Offsets.ControlWord]);
        _c.Label(ref usual);
        for (int r = 0; r < 8; r++)
        {
            if ((_loop.Used & (1 << r)) != 0)
            {
                _c.mov(s_general[r], __dword_ptr[r8 + r * 4]);
            }
        }

        _c.mov(r14d, __dword_ptr[r8 + X87Offsets.LoopBudget]);
        _c.jmp(_bodies[block]);
    }

    private void Block(int block, int next)
    {
        Instruction[] code = _loop.Code(block);
        Label start = _starts[block];
        _c.Label(ref start);
        _starts[block] = start;
        _state = _loop.Stack[block];
        (_last, _lastData, _isConditionDoubtful) = (null, null, false);
        (_inHost, _isSaved, _doubtful) = (true, false, RflagsBits.None);
        _spans.BeginBlock();
        if (_graph.IsSafepoint(block))
        {
            Ask(block, code[0].IP32, code.Length);
        }
        else
        {
            _c.lea(r14d, __[r14 - code.Length]);
        }

        Label body = _bodies[block];
        _c.Label(ref body);
        _bodies[block] = body;
        if (code.Length == 1)
        {
            // A jump that falls through would leave two labels at one place, which the assembler does not have.
            _c.nop();
        }

        for (int k = 0; k < code.Length && _possible; k++)
        {
            ref readonly Instruction i = ref code[k];
            if (i.FlowControl != FlowControl.Next)
            {
                End(i, next);
                return;
            }

            if (X87Planner.IsCandidate(i, out X87Operation op))
            {
                X87(code, k, op);
            }
            else if (i.Mnemonic is Mnemonic.Wait or Mnemonic.Nop)
            {
                // Nothing can be pending.
                _c.nop();
            }
            else
            {
                Integer(code, k);
            }

            _spans.Behind(i);
        }

        FinishBlock();
        Go(code[^1].NextIP32, next);
    }

    /// <summary>A safepoint: the block's instructions from the budget, and is somebody calling?</summary>
    private void Ask(int block, uint eip, int count)
    {
        Save();
        Label out_ = _c.CreateLabel();
        X87LoopState state = _state;
        _c.sub(r14d, count);
        _c.js(out_);
        _c.cmp(__dword_ptr[r8 + MethodNames.Attention], 0);
        _c.jne(out_);
        _inHost = false;
        _outOfLine.Add(() =>
        {
            _c.Label(ref out_);
            _c.add(r14d, count);
            Exit(new X87LoopExit(eip, 0), state);
        });
    }

    private void X87(Instruction[] code, int k, in X87Operation op)
    {
        Instruction i = code[k];
        if (_loop.Stack.Behind(_state, op) is not { } behind)
        {
            _possible = false;
            return;
        }

        Instruction native = i;
        native.IP = 0;
        if (op.Width != 0)
        {
            Reach(code, k, ref native);
        }

        if (op.Kind == X87Kind.CompareToFlags)
        {
            // It leaves C1 as it was, and not every processor is sure of that.
            _isConditionDoubtful = _last is not { } before || X87Traits.CanRoundUp(before) || _isConditionDoubtful;
            (_inHost, _isSaved, _doubtful) = (true, false, RflagsBits.None);
        }
        else
        {
            _isConditionDoubtful = false;
        }

        _c.AddInstruction(native);
        _state = behind;
        (_last, _lastInstruction) = (op, i);
        if (op.Width != 0)
        {
            _lastData = i;
        }
    }

    private void Integer(Instruction[] code, int k)
    {
        Instruction i = code[k];
        Instruction native = i;
        native.IP = 0;
        native.Code = i.Code switch
        {
            Code.Inc_r32 => Code.Inc_rm32,
            Code.Dec_r32 => Code.Dec_rm32,
            Code.Mov_EAX_moffs32 => Code.Mov_r32_rm32,
            Code.Mov_moffs32_EAX => Code.Mov_rm32_r32,
            _ => i.Code,
        };
        for (int n = 0; n < i.OpCount; n++)
        {
            if (i.GetOpKind(n) == OpKind.Register)
            {
                native.SetOpRegister(n, Host(i.GetOpRegister(n)));
            }
        }

        if (X87LoopSpans.MemoryOperand(i) >= 0)
        {
            Reach(code, k, ref native);
        }
        else if (i.Mnemonic == Mnemonic.Lea)
        {
            native.MemoryBase = Host(i.MemoryBase);
            native.MemoryIndex = Host(i.MemoryIndex);
            native.SegmentPrefix = Register.None;
        }

        // Whoever keeps some of the flags needs them all.
        bool touches = i.RflagsModified != RflagsBits.None;
        bool keeps = touches && ((i.RflagsModified & Status) != Status);
        if ((i.RflagsRead & Status) != RflagsBits.None || keeps)
        {
            Restore();
        }

        if ((i.RflagsRead & _doubtful) != RflagsBits.None)
        {
            _possible = false;
        }

        if (_lastData is { } data && Overwrites(i, data))
        {
            RecordData(data);
            _lastData = null;
        }

        _c.AddInstruction(native);
        if (touches)
        {
            // All silicon clears AF here.
            bool logic = i.Mnemonic is Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Test;
            _doubtful &= ~i.RflagsModified;
            _doubtful |= logic ? RflagsBits.None : i.RflagsUndefined & Status;
            (_inHost, _isSaved) = (true, false);
        }
    }

    private static bool Overwrites(in Instruction i, in Instruction data)
    {
        if (i.OpCount == 0 || i.GetOpKind(0) != OpKind.Register)
        {
            return false;
        }

        Register register = i.GetOpRegister(0).GetFullRegister32();
        return register == data.MemoryBase || register == data.MemoryIndex;
    }

    private static Register Host(Register register) => register == Register.ESP ? Register.R9D : register;

    /// <summary>Makes the memory operand of an instruction accessible, and puts its Host address into it.</summary>
    private void Reach(Instruction[] code, int k, ref Instruction native)
    {
        ref readonly Instruction i = ref code[k];
        int operand = X87LoopSpans.MemoryOperand(i);
        AddressForm form = AddressForm.Of(i);
        int size = i.MemorySize.GetSize();
        bool write = AccessClass.IsWritten(i, operand);
        (X87LoopSpan Span, int At)? found = _spans.Find(form, size, write);
        if (found == null)
        {
            X87LoopSpan span = _spans.Plan(code, k, form, size, write);
            Check(i, span, code.Length - k);
            found = (span, (int)(form.Displacement - span.Low));
        }

        int at = found.Value.At;
        native.SegmentPrefix = Register.None;
        native.MemoryBase = (Register)found.Value.Span.Register;
        native.MemoryIndex = Register.None;
        native.MemoryIndexScale = 1;
        native.MemoryDisplacement64 = (ulong)at;
        native.MemoryDisplSize = at <= sbyte.MaxValue ? 1 : 8;
    }

    /// <summary>Asks the soft TLB; out if the span is not accessible.</summary>
    private void Check(in Instruction i, X87LoopSpan span, int remaining)
    {
        Save();
        _inHost = false;
        if (_isConditionDoubtful)
        {
            _possible = false;
        }

        AssemblerRegister64 host = span.Register;
        int size = (int)(span.High - span.Low);
        int table = span.Write ? MethodNames.WriteTable : MethodNames.ReadTable;
        Label miss = _c.CreateLabel();
        Label crosses = _c.CreateLabel();
        Label good = _c.CreateLabel();
        LoadAddress((AssemblerRegister32)Narrow(host), span.Form with { Displacement = (int)span.Low });
        _c.mov(r10d, Narrow(host));
        _c.shr(r10d, 12);
        _c.mov(r11, __qword_ptr[r8 + table]);
        _c.mov(r10, __qword_ptr[r11 + r10 * 8]);
        _c.test(r10, r10);
        _c.je(miss);
        _c.mov(r11d, Narrow(host));
        _c.and(r11d, 0xFFF);
        _c.cmp(r11d, 0x1000 - size);
        _c.ja(crosses);
        _c.Label(ref good);
        _c.add(host, r10);

        X87LoopState state = _state;
        Instruction? data = _lastData;
        bool any = _last != null;
        Instruction last = _lastInstruction;
        ushort opcode = _last?.Opcode ?? 0;
        uint eip = i.IP32;
        _outOfLine.Add(() =>
        {
            // Neighbours that are neighbours in the Host as well.
            _c.Label(ref crosses);
            _c.lea(r11, __[host + (size - 1)]);
            _c.shr(r11, 12);
            _c.cmp(r11d, 0xFFFFF);
            _c.ja(miss);
            _c.shl(r11, 3);
            _c.add(r11, __qword_ptr[r8 + table]);
            _c.cmp(r10, __qword_ptr[r11]);
            _c.je(good);
            _c.Label(ref miss);
            if (any)
            {
                RecordPointers(last, opcode, data);
            }

            Exit(new X87LoopExit(eip, remaining), state);
        });
    }

    private static AssemblerRegister32 Narrow(AssemblerRegister64 register) => register == r12 ? r12d : register == r13 ? r13d : r15d;

    private void LoadAddress(AssemblerRegister32 to, AddressForm form)
    {
        if (form.Base < 0 && form.Index < 0)
        {
            _c.mov(to, form.Displacement);
            return;
        }

        var instruction = Instruction.Create(Code.Lea_r32_m, (Register)to, new MemoryOperand(
            form.Base < 0 ? Register.None : (Register)s_general[form.Base],
            form.Index < 0 ? Register.None : (Register)s_general[form.Index],
            1 << form.Scale,
            form.Displacement,
            form.Base < 0 || form.Displacement is < sbyte.MinValue or > sbyte.MaxValue ? 4 : 1));
        _c.AddInstruction(instruction);
    }

    /// <summary>The last instruction of a block, a branch.</summary>
    private void End(in Instruction i, int next)
    {
        FinishBlock();
        if (i.FlowControl == FlowControl.UnconditionalBranch)
        {
            Go(i.NearBranch32, next);
            return;
        }

        Label taken = LabelFor(i.NearBranch32);
        _c.AddInstruction(Instruction.CreateBranch(JumpOf(i.ConditionCode), taken.Id));
        Go(i.NextIP32, next);
    }

    private static Code JumpOf(ConditionCode condition) => condition switch
    {
        ConditionCode.o => Code.Jo_rel32_64,
        ConditionCode.no => Code.Jno_rel32_64,
        ConditionCode.b => Code.Jb_rel32_64,
        ConditionCode.ae => Code.Jae_rel32_64,
        ConditionCode.e => Code.Je_rel32_64,
        ConditionCode.ne => Code.Jne_rel32_64,
        ConditionCode.be => Code.Jbe_rel32_64,
        ConditionCode.a => Code.Ja_rel32_64,
        ConditionCode.s => Code.Js_rel32_64,
        ConditionCode.ns => Code.Jns_rel32_64,
        ConditionCode.p => Code.Jp_rel32_64,
        ConditionCode.np => Code.Jnp_rel32_64,
        ConditionCode.l => Code.Jl_rel32_64,
        ConditionCode.ge => Code.Jge_rel32_64,
        ConditionCode.le => Code.Jle_rel32_64,
        _ => Code.Jg_rel32_64,
    };

    /// <summary>Between blocks the flags are the Host's, and the CPU struct says what has been executed.</summary>
    private void FinishBlock()
    {
        if (_last != null)
        {
            RecordPointers(_lastInstruction, _last.Value.Opcode, _lastData);
        }

        Restore();
        if (_doubtful != RflagsBits.None || _isConditionDoubtful)
        {
            _possible = false;
        }
    }

    private void Go(uint eip, int next)
    {
        if (next < 0 || !_graph.TryFind(eip, out int block) || block != next)
        {
            _c.jmp(LabelFor(eip));
        }
    }

    /// <summary>A block of the loop, or a way out.</summary>
    private Label LabelFor(uint eip)
    {
        if (_graph.TryFind(eip, out int block) && _starts.TryGetValue(block, out Label inside))
        {
            return inside;
        }

        Label way = _c.CreateLabel();
        X87LoopState state = _state;
        _outOfLine.Add(() =>
        {
            _c.Label(ref way);
            SaveFlags();
            Exit(new X87LoopExit(eip, 0), state);
        });
        return way;
    }

    /// <summary>Flags to where exits take them from.</summary>
    private void Save()
    {
        if (_isSaved)
        {
            return;
        }

        if (_doubtful != RflagsBits.None)
        {
            _possible = false;
        }

        SaveFlags();
        _isSaved = true;
    }

    private void SaveFlags()
    {
        _c.mov(r10, rax);
        _c.lahf();
        _c.seto(al);
        _c.mov(__dword_ptr[r8 + X87Offsets.LoopFlags], eax);
        _c.mov(rax, r10);
    }

    /// <summary>Flags back from there.</summary>
    private void Restore()
    {
        if (_inHost)
        {
            return;
        }

        _c.mov(r10, rax);
        _c.mov(eax, __dword_ptr[r8 + X87Offsets.LoopFlags]);
        _c.add(al, 0x7F);
        _c.sahf();
        _c.mov(rax, r10);
        _inHost = true;
    }

    private void RecordPointers(in Instruction last, ushort opcode, Instruction? data)
    {
        _c.mov(__dword_ptr[r8 + X87Offsets.LoopRan], 1);
        _c.mov(__word_ptr[r8 + X87Offsets.LastOpcode], opcode);
        _c.mov(__dword_ptr[r8 + X87Offsets.InstructionOffset], last.IP32);
        if (data is { } operand)
        {
            RecordData(operand);
        }
    }

    /// <summary>FDP and FDS: the registers are still what they were.</summary>
    private void RecordData(in Instruction data)
    {
        LoadAddress(r10d, AddressForm.Of(data));
        _c.mov(__dword_ptr[r8 + X87Offsets.DataOffset], r10d);
        _c.movzx(r10d, __word_ptr[r8 + MethodNames.Selector(data.MemorySegment)]);
        _c.mov(__word_ptr[r8 + X87Offsets.DataSelector], r10w);
    }

    private void Exit(X87LoopExit exit, X87LoopState state)
    {
        _c.mov(r10d, _loop.ExitNumber(exit) + 1);
        _c.mov(r11d, state.Full & _loop.Stack.Touched);
        _c.mov(r12d, state.Top << 4);
        _c.jmp(_leave);
    }

    /// <summary>All ways out: r10 has the answer, r11 the cells in use, r12 16 × the cell that is the top.</summary>
    private void Leave()
    {
        _c.Label(ref _leave);
        for (int r = 0; r < 8; r++)
        {
            if ((_loop.Written & (1 << r)) != 0)
            {
                _c.mov(__dword_ptr[r8 + r * 4], s_general[r]);
            }
        }

        _c.mov(__dword_ptr[r8 + X87Offsets.LoopExit], r10d);
        _c.mov(__dword_ptr[r8 + X87Offsets.LoopBudget], r14d);
        _c.movzx(eax, __byte_ptr[r8 + X87Offsets.LoopFlags + 1]);
        _c.mov(__dword_ptr[r8 + MethodNames.FlagsA], eax);
        _c.movzx(eax, __byte_ptr[r8 + X87Offsets.LoopFlags]);
        _c.mov(__dword_ptr[r8 + MethodNames.FlagsB], eax);
        _c.mov(__dword_ptr[r8 + MethodNames.FlagsKind], FlagKind.Image);
        Label unchanged = _c.CreateLabel();
        _c.cmp(__dword_ptr[r8 + X87Offsets.LoopRan], 0);
        _c.je(unchanged);

        // The one instruction that shows what empty registers hold.
        _c.mov(r13, rsp);
        _c.sub(rsp, 512);
        _c.and(rsp, -64);
        _c.fxsave64(__[rsp]);
        _c.mov(ecx, __dword_ptr[r8 + X87Offsets.LoopBase]);
        for (int cell = 0; cell < 8; cell++)
        {
            if ((_loop.Stack.Changed & (1 << cell)) != 0)
            {
                _c.lea(eax, __[rcx + (cell << 4)]);
                _c.and(eax, RegisterMask);
                _c.mov(edx, cell << 4);
                _c.sub(edx, r12d);
                _c.and(edx, RegisterMask);
                _c.mov(rsi, __qword_ptr[rsp + rdx + 32]);
                _c.mov(__qword_ptr[r8 + rax + X87Offsets.Registers], rsi);
                _c.movzx(esi, __word_ptr[rsp + rdx + 40]);
                _c.mov(__word_ptr[r8 + rax + X87Offsets.Registers + 8], si);
            }
        }

        _c.movzx(eax, __word_ptr[rsp + 2]);
        _c.mov(rsp, r13);
        _c.mov(edx, eax);
        _c.and(edx, Flags);
        _c.mov(__dword_ptr[r8 + X87Offsets.HostFlags], edx);
        _c.and(eax, Flags | FpuStatus.C1);
        _c.movzx(edx, __word_ptr[r8 + X87Offsets.StatusWord]);
        _c.and(edx, ~(FpuStatus.C1 | (7 << FpuStatus.TopShift)));
        _c.or(edx, eax);
        _c.lea(eax, __[rcx + r12]);
        _c.and(eax, RegisterMask);
        _c.shl(eax, FpuStatus.TopShift - 4);
        _c.or(edx, eax);
        _c.mov(__word_ptr[r8 + X87Offsets.StatusWord], dx);
        _c.movzx(eax, __byte_ptr[r8 + X87Offsets.Tags]);
        _c.shr(ecx, 4);
        _c.ror(al, cl);
        _c.and(eax, ~_loop.Stack.Touched & 0xFF);
        _c.or(eax, r11d);
        _c.rol(al, cl);
        _c.mov(__byte_ptr[r8 + X87Offsets.Tags], al);
        _c.movzx(edx, __word_ptr[r8 + MethodNames.Selector(Register.CS)]);
        _c.mov(__word_ptr[r8 + X87Offsets.InstructionSelector], dx);
        _c.Label(ref unchanged);
        _c.emms();
        Label usual = _c.CreateLabel();
        _c.cmp(__word_ptr[r8 + X87Offsets.ControlWord], X87Host.ControlWord);
        _c.je(usual);
        _c.push(X87Host.ControlWord);
        _c.fldcw(__word_ptr[rsp]);
        _c.pop(rax);
        _c.Label(ref usual);
        _c.mov(eax, __dword_ptr[r8 + X87Offsets.LoopExit]);
        foreach (AssemblerRegister64 register in s_saved.Reverse())
        {
            _c.pop(register);
        }

        _c.ret();
    }
}
