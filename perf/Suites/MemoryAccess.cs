using Iced.Intel;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Perf.Suites;

/// <summary>Memory operands by kind: an operation is an access (a push and its pop are two).</summary>
public class MemoryAccess : LoopSuite
{
    private const int Many = 32;
    private const uint Data = ProgramLayout.Data;

    internal override IReadOnlyDictionary<string, GuestLoop> Loops { get; } = new Dictionary<string, GuestLoop>
    {
        ["load"] = Accesses(static (c, i) => c.add(eax, __dword_ptr[ebx + 4 * i])),
        ["load, absolute"] = Accesses(static (c, i) => c.add(eax, __dword_ptr[Data + 4 * i])),
        ["load, base and index"] = Accesses(static (c, i) => c.add(eax, __dword_ptr[ebx + ecx * 4 + 4 * i])),
        ["load, many bases"] = Accesses(static (c, i) => c.add(eax, __dword_ptr[i % 4 == 0 ? ebx : i % 4 == 1 ? esi : i % 4 == 2 ? edi : ebp])),
        ["load, each needs the one before"] = Accesses(static (c, _) => c.mov(ebx, __dword_ptr[ebx])),
        ["load byte"] = Accesses(static (c, i) => c.movzx(eax, __byte_ptr[ebx + i])),
        ["load word, signed"] = Accesses(static (c, i) => c.movsx(eax, __word_ptr[ebx + 2 * i])),
        ["load, unaligned"] = Accesses(static (c, i) => c.add(eax, __dword_ptr[ebx + 4 * i + 1])),
        ["load across pages"] = Accesses(static (c, i) => c.add(eax, __dword_ptr[ebx + 0xFFE + 0x1000 * (i % 4)])),
        ["store"] = Accesses(static (c, i) => c.mov(__dword_ptr[ebx + 4 * i], eax)),
        ["store byte"] = Accesses(static (c, i) => c.mov(__byte_ptr[ebx + i], al)),
        ["store across pages"] = Accesses(static (c, i) => c.mov(__dword_ptr[ebx + 0xFFE + 0x1000 * (i % 4)], eax)),
        ["store near code"] = Accesses(static (c, i) => c.mov(__dword_ptr[ProgramLayout.Code + 0xF00 + 4 * i], eax)),
        ["add to memory"] = Accesses(static (c, i) => c.add(__dword_ptr[ebx + 4 * i], eax)),
        ["push and pop"] = Accesses(static (c, i) =>
        {
            if (i % 2 == 0)
            {
                c.push(eax);
            }
            else
            {
                c.pop(ecx);
            }
        }),
        ["load, a page each, 512 pages"] = new(512, static b =>
        {
            Assembler c = b.Asm;
            c.mov(ebx, Data);
            CodeLabel start = b.Here();
            c.mov(ecx, 512);
            CodeLabel next = b.Here();
            c.add(eax, __dword_ptr[ebx]);
            c.add(ebx, 0x1000);
            c.dec(ecx);
            c.jne(next.Value);
            c.mov(ebx, Data);
            c.jmp(start.Value);
            return start;
        }),
    };

    private static GuestLoop Accesses(Action<Assembler, int> access) => GuestLoop.Unrolled(Many, Prologue, (b, i) => access(b.Asm, i));

    private static void Prologue(CodeBuilder b)
    {
        Assembler c = b.Asm;
        c.mov(ebx, Data);
        c.mov(__dword_ptr[ebx], ebx);
        c.lea(esi, __[ebx + 0x3100]);
        c.lea(edi, __[ebx + 0x5200]);
        c.lea(ebp, __[ebx + 0x7300]);
        c.mov(ecx, 16);
    }
}
