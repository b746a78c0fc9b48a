namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>Forms that are recorded in one file.</summary>
internal sealed class SiliconGroup(string name, params Action<FormSet>[] parts)
{
    private IReadOnlyList<SiliconForm>? _forms;

    /// <summary>Also the name of its file in <c>Data</c>, less the extension.</summary>
    public string Name => name;

    public IReadOnlyList<SiliconForm> Forms
    {
        get
        {
            if (_forms is null)
            {
                var set = new FormSet();
                foreach (Action<FormSet> part in parts)
                {
                    part(set);
                }

                _forms = set.Forms;
            }

            return _forms;
        }
    }
}
